package attack_test

import (
	"context"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
	"gorgonia.org/tensor"
)

// plainPGD is projected gradient ascent with nothing taken apart: start from the given point, step along
// the sign, clip to ε and to [0,1], keep the best. The composed attack must equal it bit for bit.
func plainPGD(l *loss, clean, start *tensor.Dense, lo, hi []float32, alpha float32, steps int) ([]float32, float64) {
	x := start.Clone().(*tensor.Dense)
	v := x.Data().([]float32)
	var best []float32
	var bestValue float64
	keep := func(value float64) {
		if best == nil || value > bestValue {
			best, bestValue = append(best[:0], v...), value
		}
	}
	for range steps {
		value, g := l.at(x, true)
		keep(value)
		for i := range v {
			if g[i] > 0 {
				v[i] += alpha
			}
			if g[i] < 0 {
				v[i] -= alpha
			}
			if v[i] < lo[i] {
				v[i] = lo[i]
			}
			if v[i] > hi[i] {
				v[i] = hi[i]
			}
		}
	}
	value, _ := l.at(x, false)
	keep(value)
	return best, bestValue
}

func TestEqualsPlainPGD(t *testing.T) {
	enc := attacktest.NewViT(3, 8, 8, 4, 6, 2, 5)
	tm := attack.Linf(attack.NewRatio(8, 255))
	for i, clean := range attacktest.Images(9, 3, 8, 8) {
		for _, objective := range []attack.Objective{attack.PRM{}, attack.Embedding{}} {
			a := attack.Gradient{Objective: objective, Iters: 12, Alpha: attack.Size{Factor: attack.NewRatio(1, 255)}}
			images := []*tensor.Dense{clean}
			r, err := a.Run(context.Background(), enc, images, tm)
			if err != nil {
				t.Fatal(err)
			}
			var start *tensor.Dense
			for s := range a.Steps(context.Background(), enc, images, tm) {
				start = s.X.Clone().(*tensor.Dense)
				break
			}
			lo, hi := box(t, tm, clean)
			want, value := plainPGD(bind(t, objective, enc, attack.Task{}, clean), clean, start, lo, hi, float32(1.0/255), 12)
			got := r.Adv[0].Data().([]float32)
			for k := range want {
				if got[k] != want[k] {
					t.Fatalf("%s on image %d: value %d is %v, plain PGD's %v", objective, i, k, got[k], want[k])
				}
			}
			if r.Outcomes[0].Value != value {
				t.Errorf("%s on image %d: %v, plain PGD reaches %v", objective, i, r.Outcomes[0].Value, value)
			}
		}
	}
}

// box returns the bounds of the L∞ ball, found by projecting images of all ones and all zeros.
func box(t *testing.T, tm attack.ThreatModel, clean *tensor.Dense) (lo, hi []float32) {
	ball, err := tm.Ball(0, clean)
	if err != nil {
		t.Fatal(err)
	}
	n := len(clean.Data().([]float32))
	lo, hi = make([]float32, n), make([]float32, n)
	for i := range hi {
		hi[i] = 1
	}
	ball.Project(lo)
	ball.Project(hi)
	return lo, hi
}

// TestVelocityIsSign: under L∞ the momentum of VEAttack's released code changes nothing, because a sign outweighs 0.9
// of the sign before it.
func TestVelocityIsSign(t *testing.T) {
	enc := attacktest.NewViT(3, 8, 8, 4, 6, 2, 5)
	tm := attack.Linf(attack.NewRatio(8, 255))
	images := attacktest.Images(9, 3, 8, 8)
	a, b := run(t, "pgd(step=velocity)", enc, images, tm), run(t, "pgd(step=steepest)", enc, images, tm)
	for i := range images {
		if !attacktest.Equal(a.Adv[i], b.Adv[i]) {
			t.Errorf("image %d: velocity and sign steps differ", i)
		}
	}
}
