package defensetest

import (
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/encoder"
)

// The broken defences show the symptoms they are there for.
func TestBrokenDefenses(t *testing.T) {
	img := Picture(16, 16, 1)
	_, honest := Evaluate(t, NewLinear(1), img)
	for _, b := range BrokenDefenses() {
		e, err := b.Wrap(NewLinear(1), defense.Stream{})
		if err != nil {
			t.Fatal(err)
		}
		if b.Name() == "no-gradient" {
			checkRefuses(t, e, img)
			continue
		}
		z, g := Evaluate(t, e, img)
		again, _ := Evaluate(t, e, img)
		allZero := !slices.ContainsFunc(g, func(v float32) bool { return v != 0 })
		if want := b.Name() == "quantise" || b.Name() == "shattered-gradient"; allZero != want {
			t.Errorf("%s: gradient is zero: %v", b, allZero)
		}
		if random := !slices.Equal(z, again); random != (b.Name() == "random-wrapper") {
			t.Errorf("%s: random: %v", b, random)
		}
		if b.Name() == "masked-gradient" {
			agree := 0
			for i := range g {
				if g[i]*honest[i] > 0 {
					agree++
				}
			}
			if share := float64(agree) / float64(len(g)); share < 0.4 || share > 0.6 {
				t.Errorf("%s: %.2f of the signs are right", b, share)
			}
		}
		if b.Random() || b.Symptom == "" {
			t.Errorf("%s: Random %v, symptom %q", b, b.Random(), b.Symptom)
		}
	}
}

func checkRefuses(t *testing.T, e encoder.Encoder, img *tensor.Dense) {
	t.Helper()
	tr, err := e.Trace(t.Context(), []*tensor.Dense{img}, encoder.Embedding)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.VJP(t.Context(), []*tensor.Dense{functional(tr.Activation(0))}); err == nil {
		t.Error("a gradient was given")
	}
}
