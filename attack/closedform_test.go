package attack_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
	"github.com/plumbline-ml/plumbline/encoder"
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

// margin is a two-class head on a linear encoder: its margin is w·x + b with the w returned.
func margin(enc *attacktest.Linear, width int) (head *attacktest.Head, w []float64) {
	head = attacktest.NewHead(5, encoder.Embedding, width, 2)
	n := len(enc.W) / width
	w = make([]float64, n)
	for r := range width {
		for k := range n {
			w[k] += (head.W[width+r] - head.W[r]) * float64(enc.W[r*n+k])
		}
	}
	return head, w
}

// TestOptimumOfEveryNorm attacks a linear margin, whose gain has a closed form in every norm while no
// pixel reaches the edge of [0,1]: ε·Σ|w|, ε·‖w‖₂, ε·max|w| (L1, one value), and for L0 the k pixels
// whose best colours gain most.
func TestOptimumOfEveryNorm(t *testing.T) {
	enc := attacktest.NewLinear(7, 6, 5, 1, 3)
	head, w := margin(enc, 3)
	for i, img := range attacktest.Smooth(3, 3, 6, 5) {
		images := []*tensor.Dense{img}
		x := img.Float32s()
		var sum, sq, top float64
		pixel := make([]float64, 30)
		for k, v := range w {
			sum, sq, top = sum+math.Abs(v), sq+v*v, max(top, math.Abs(v))
			pixel[k%30] += max(v*(1-float64(x[k])), -v*float64(x[k]))
		}
		slices.Sort(pixel)
		for _, c := range []struct {
			tm   attack.ThreatModel
			text string
			gain float64
		}{
			{attack.Linf(attack.NewRatio(8, 255)), "fgsm(objective=cw)", sum * 8 / 255},
			{attack.Linf(attack.NewRatio(8, 255)), "pgd(objective=cw,steps=10)", sum * 8 / 255},
			{attack.Linf(attack.NewRatio(8, 255)), "pgd(objective=cw,step=adamw,alpha=0.02)", sum * 8 / 255},
			{attack.Linf(attack.NewRatio(8, 255)), "pgd(objective=cw,step=velocity,steps=10)", sum * 8 / 255},
			{attack.L2(attack.NewRatio(1, 10)), "pgd(objective=cw,step=velocity,steps=40)", math.Sqrt(sq) / 10},
			{attack.Linf(attack.NewRatio(8, 255)), "vmi(objective=cw,steps=25)", sum * 8 / 255},
			{attack.L2(attack.NewRatio(1, 10)), "pgd(objective=cw,steps=30)", math.Sqrt(sq) / 10},
			{attack.L2(attack.NewRatio(1, 10)), "ni(objective=cw,init=zero,steps=30)", math.Sqrt(sq) / 10},
			{attack.L1(attack.NewRatio(1, 5)), "pgd(objective=cw,steps=60)", top / 5},
			{attack.L0(attack.NewRatio(2, 1)), "pgd(objective=cw)", pixel[29] + pixel[28]},
		} {
			start, _ := bind(t, attack.Logits{Loss: "cw"}, enc, attack.Task{Head: head, Labels: [][]int{{0}}}, img).at(img, false)
			r, err := mustParse(t, c.text).Run(context.Background(), enc, images, c.tm, attack.Against(head, []int{0}))
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Outcomes[0].Value - start; got > c.gain*(1+1e-5)+1e-6 || got < c.gain*(1-2e-4) {
				t.Errorf("%s under %s on image %d gains %v, the optimum is %v", c.text, c.tm, i, got, c.gain)
			}
		}
	}
}
