package attack_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
	"gorgonia.org/tensor"
)

// TestOfficialProcedure repeats the released procedure without rescaling in plain float64 loops, from
// a random start that the attack's first step shows, and compares every iterate.
func TestOfficialProcedure(t *testing.T) {
	enc := attacktest.NewViT(3, 8, 8, 4, 6, 2, 5)
	clean := attacktest.Smooth(9, 1, 8, 8)[0]
	x0 := clean.Data().([]float32)
	l := bind(t, attack.PRM{}, enc, attack.Task{}, clean)
	n := len(x0)
	p, m, v := make([]float64, n), make([]float64, n), make([]float64, n)
	a := mustParse(t, "prm-official(steps=30,lo=1,hi=1,init=random)")
	for s, err := range a.Steps(context.Background(), enc, []*tensor.Dense{clean}, attack.Linf(attack.NewRatio(8, 255))) {
		if err != nil {
			t.Fatal(err)
		}
		adv := s.X.Data().([]float32)
		if s.Iter == 0 {
			for i := range p {
				p[i] = (float64(adv[i]) - float64(x0[i])) * 255
			}
		}
		image := clean.Clone().(*tensor.Dense)
		for i := range p {
			want := (float64(x0[i])*255 + min(max(p[i], -8), 8)) / 255
			if math.Abs(float64(adv[i])-want) > 2e-4/255 {
				t.Fatalf("step %d: value %d is %v, want %v", s.Iter, i, adv[i], want)
			}
			image.Data().([]float32)[i] = adv[i]
			p[i] += float64(adv[i])*255 - want*255 // follow the float32 path where the clamp is not active
			if math.Abs(p[i]) > 8 {
				p[i] -= float64(adv[i])*255 - want*255
			}
		}
		_, g := l.at(image, true)
		k := float64(s.Iter + 1)
		for i := range p {
			d := -float64(g[i]) / 255
			if math.Abs(p[i]) > 8 {
				d = 0
			}
			m[i], v[i] = 0.9*m[i]+0.1*d, 0.999*v[i]+0.001*d*d
			p[i] -= 0.5 * 0.01 * p[i]
			p[i] -= 0.5 * m[i] / (1 - math.Pow(0.9, k)) / (math.Sqrt(v[i]/(1-math.Pow(0.999, k))) + 1e-8)
		}
	}
}

// TestOfficialStart shows what the zero start does with exact gradients, and that the default leaves it.
func TestOfficialStart(t *testing.T) {
	enc := attacktest.NewViT(3, 16, 16, 4, 6, 2, 5)
	images := attacktest.Images(9, 2, 16, 16)
	tm := attack.Linf(attack.NewRatio(8, 255))
	values := map[string]float64{}
	for _, init := range []string{"zero", "ulp", "random"} {
		r, err := mustParse(t, "prm-official(steps=60,init="+init+")").Run(context.Background(), enc, images, tm)
		if err != nil {
			t.Fatal(err)
		}
		values[init] = r.Outcomes[0].Value + 3
		warned := strings.Contains(strings.Join(r.Warnings, " "), "never left")
		if warned != (init == "zero") {
			t.Errorf("init=%s: warnings %q", init, r.Warnings)
		}
	}
	if values["zero"] > 1e-6 {
		t.Errorf("the zero start reached %v above the minimum", values["zero"])
	}
	if values["ulp"] < 0.5*values["random"] {
		t.Errorf("from one ulp %v above the minimum, from a random start %v", values["ulp"], values["random"])
	}
}

// TestOfficialFallback: an encoder of fixed size is attacked through its own preprocessing, with a warning.
func TestOfficialFallback(t *testing.T) {
	fixed := attacktest.Broken{Encoder: attacktest.NewViT(3, 8, 8, 4, 6, 1, 5), Bad: func([]float32) bool { return false }}
	r, err := mustParse(t, "prm-official(steps=3)").Run(context.Background(), fixed, attacktest.Images(9, 1, 12, 9), attack.Linf(attack.NewRatio(8, 255)))
	if err != nil {
		t.Fatal(err)
	}
	if w := r.Outcomes[0].Warnings; len(w) < 1 || !strings.Contains(w[0], "not at native resolution") {
		t.Errorf("warnings %q", w)
	}
}
