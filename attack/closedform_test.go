package attack_test

import (
	"context"
	"math"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
	"gorgonia.org/tensor"
)

// optimum returns the largest and smallest w·δ over the L∞ ball around x, from interval ends.
func optimum(enc *attacktest.Linear, row int, x []float32, eps float64) (hi, lo float64) {
	n := len(x)
	for k, w := range enc.W[row*n : (row+1)*n] {
		up, down := min(eps, 1-float64(x[k])), -min(eps, float64(x[k]))
		if w < 0 {
			up, down = down, up
		}
		hi += float64(w) * up
		lo += float64(w) * down
	}
	return hi, lo
}

// TestLinfOptimum attacks linear encoders whose worst case is known: the squared distance of a single
// embedding number, and the angle of a token (b, w·x) of which one coordinate is constant.
func TestLinfOptimum(t *testing.T) {
	eps := attack.NewRatio(8, 255)
	images := attacktest.Images(3, 4, 6, 5)
	scalar := attacktest.NewLinear(7, 6, 5, 1, 1)
	plane := attacktest.NewLinear(7, 6, 5, 1, 2)
	clear(plane.W[:len(plane.W)/2])
	plane.B[0], plane.B[1] = 1, 0
	for i, img := range images {
		x := img.Data().([]float32)
		hi, lo := optimum(scalar, 0, x, eps.Float())
		want := max(hi*hi, lo*lo)
		for _, text := range []string{
			"embedding(distance=l2,steps=20,restarts=6)", "pgd(objective=embedding(distance=l2),steps=10,restarts=6)",
			"gradient(objective=embedding(distance=l2),step=mi(mu=0.9),steps=15,restarts=6)", "gradient(objective=embedding(distance=l2),step=ni,steps=15,restarts=6)",
		} {
			reach(t, text, scalar, img, i, want, 1e-4)
		}
		base := dot(plane, 1, x)
		hi, lo = optimum(plane, 1, x, eps.Float())
		worst := 1.0
		for _, d := range []float64{hi, lo} {
			worst = min(worst, math.Cos(math.Atan(base+d)-math.Atan(base)))
		}
		for _, text := range []string{"prm(restarts=20,layers=stem)", "prm(restarts=20,layers=stem,step=steepest)"} {
			reach(t, text, plane, img, i, -worst, 1e-6)
		}
		reach(t, "embedding(restarts=6)", plane, img, i, -worst, 1e-6)
	}
}

func dot(enc *attacktest.Linear, row int, x []float32) float64 {
	s := float64(enc.B[row])
	for k, v := range x {
		s += float64(enc.W[row*len(x)+k]) * float64(v)
	}
	return s
}

// reach runs an attack and requires its value to be the optimum, no more and no less.
func reach(t *testing.T, text string, enc *attacktest.Linear, img *tensor.Dense, i int, want, tol float64) {
	t.Helper()
	r, err := mustParse(t, text).Run(context.Background(), enc, []*tensor.Dense{img}, attack.Linf(attack.NewRatio(8, 255)))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Outcomes[0].Value; math.Abs(got-want) > tol*math.Abs(want) {
		t.Errorf("%s on image %d reaches %v, the optimum is %v", text, i, got, want)
	}
}
