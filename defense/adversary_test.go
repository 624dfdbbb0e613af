package defense_test

import (
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/defensetest"
)

func TestAdversaries(t *testing.T) {
	e := defensetest.NewLinear(1)
	img := defensetest.Picture(16, 16, 2)
	for expr, want := range map[string][]string{
		"jpeg(75)":           {"adaptive", "bpda", "transfer"},
		"bitdepth(3)":        {"adaptive", "transfer"},         // its own surrogate is the identity
		"resize-pad":         {"adaptive", "bpda", "transfer"}, // no identity across sizes: of the whole
		"noise+median(3)":    {"adaptive", "bpda", "transfer"},
		"ttc":                {"adaptive", "bpda", "transfer"},
		"gaussian(1)+ttc(2)": nil, // eps out of range
	} {
		d, err := defense.Parse(expr, resources())
		if err != nil {
			if want != nil {
				t.Error(err)
			}
			continue
		}
		as, err := defense.Adversaries(d, e, defense.Stream{Seed: 3}, 2)
		if err != nil {
			t.Fatal(expr, err)
		}
		var names []string
		var values [][]float32
		for _, a := range as {
			names = append(names, a.Name)
			z, _ := defensetest.Evaluate(t, a.Encoder, img)
			values = append(values, z)
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: %v, want %v", expr, names, want)
		}
		if names[1] == "bpda" && !slices.Equal(values[0], values[1]) {
			t.Errorf("%s: the forward pass depends on the surrogate", expr)
		}
		plain, _ := defensetest.Evaluate(t, e, img)
		if !slices.Equal(plain, values[len(values)-1]) {
			t.Errorf("%s: transfer is not the undefended encoder", expr)
		}
	}
	if _, err := defense.Adversaries(parse(t, "noise"), e, defense.Stream{}, 0); err == nil {
		t.Error("no draws accepted")
	}
}
