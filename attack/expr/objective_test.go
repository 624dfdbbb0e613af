package expr_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
	"github.com/plumbline-ml/plumbline/attack/expr"
	"github.com/plumbline-ml/plumbline/encoder"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// evaluate returns value and cotangents of an objective at adv with reference clean.
func evaluate(t *testing.T, o attack.Objective, enc encoder.Encoder, clean, adv *tensor.Dense) (float64, []*tensor.Dense) {
	t.Helper()
	l, err := o.Bind(enc.Spec(), &attack.Task{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	taps, _ := l.Taps()
	var acts [2][]*tensor.Dense
	for k, x := range []*tensor.Dense{clean, adv} {
		tr, err := enc.Trace(context.Background(), []*tensor.Dense{x}, taps...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range taps {
			acts[k] = append(acts[k], tr.Activation(i))
		}
	}
	if err := l.Reference(acts[0]); err != nil {
		t.Fatal(err)
	}
	var cot []*tensor.Dense
	for _, a := range acts[1] {
		cot = append(cot, a.Clone().(*tensor.Dense))
	}
	for range 2 { // a second run must not see the first one's state
		if _, err := l.Eval(acts[0], nil); err != nil {
			t.Fatal(err)
		}
		v, err := l.Eval(acts[1], cot)
		if err != nil {
			t.Fatal(err)
		}
		if w, err := l.Eval(acts[1], nil); err != nil || w != v {
			t.Fatalf("the value is %v, again %v, %v", v, w, err)
		}
	}
	v, err := l.Eval(acts[1], cot)
	if err != nil {
		t.Fatal(err)
	}
	return v, cot
}

// TestEqualsBuiltIn compares expressions with the built-in objectives, value and gradient.
func TestEqualsBuiltIn(t *testing.T) {
	enc := attacktest.NewViT(3, 8, 12, 4, 6, 2, 5)
	images := attacktest.Images(4, 2, 8, 12)
	for name, pair := range map[string][2]attack.Objective{
		"prm": {expr.Layers("p", enc.Spec(), prm), attack.PRM{}},
		"embedding": {expr.New("e", []encoder.Tap{encoder.Embedding}, func(adv, clean []*G.Node) (*G.Node, error) {
			c, err := expr.MeanCosine(adv[0], clean[0])
			if err != nil {
				return nil, err
			}
			return G.Neg(c)
		}), attack.Embedding{}},
		"nrdm": {expr.New("n", []encoder.Tap{encoder.Stem}, func(adv, clean []*G.Node) (*G.Node, error) {
			d, err := G.Sub(adv[0], clean[0])
			if err != nil {
				return nil, err
			}
			return expr.Mean(G.Square(d))
		}), attack.NRDM{Layers: "stem"}},
	} {
		v, g := evaluate(t, pair[0], enc, images[0], images[1])
		w, h := evaluate(t, pair[1], enc, images[0], images[1])
		if math.Abs(v-w) > 1e-9*math.Abs(w) {
			t.Errorf("%s: written %v, built in %v", name, v, w)
		}
		for i := range g {
			for k, a := range g[i].Float32s() {
				if b := h[i].Float32s()[k]; math.Abs(float64(a-b)) > 1e-6*(math.Abs(float64(b))+1e-2) {
					t.Fatalf("%s: tap %d, gradient %d: written %v, built in %v", name, i, k, a, b)
				}
			}
		}
	}
}

// TestUnusedTap: a tap the loss leaves out has a zero gradient.
func TestUnusedTap(t *testing.T) {
	enc := attacktest.NewViT(3, 8, 8, 4, 6, 2, 5)
	images := attacktest.Images(4, 2, 8, 8)
	o := expr.New("part", []encoder.Tap{encoder.Stem, encoder.Tokens}, func(adv, _ []*G.Node) (*G.Node, error) {
		return expr.Mean(G.Square(adv[1]))
	})
	_, g := evaluate(t, o, enc, images[0], images[1])
	for _, v := range g[0].Float32s() {
		if v != 0 {
			t.Fatalf("the unused tap's gradient is %v", g[0].Float32s())
		}
	}
}

func TestErrors(t *testing.T) {
	enc := attacktest.NewViT(3, 8, 8, 4, 6, 2, 5)
	images := attacktest.Images(4, 1, 8, 8)
	tm := attack.Linf(attack.NewRatio(8, 255))
	for want, build := range map[string]expr.Build{
		"not a scalar":      func(adv, _ []*G.Node) (*G.Node, error) { return G.Square(adv[0]) },
		"no adversarial":    func(_, clean []*G.Node) (*G.Node, error) { return expr.Mean(G.Square(clean[0])) },
		"broken on purpose": func(_, _ []*G.Node) (*G.Node, error) { return nil, errors.New("broken on purpose") },
		"a panic":           func(_, _ []*G.Node) (*G.Node, error) { panic("a panic") },
	} {
		a := attack.Gradient{Objective: expr.New("bad", []encoder.Tap{encoder.Stem}, build), Iters: 2}
		if _, err := a.Run(context.Background(), enc, images, tm); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "bad") {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := expr.New("none", nil, nil).Bind(enc.Spec(), nil, 0); err == nil {
		t.Error("an objective without taps is no error")
	}
}

// TestConform runs the conformance suite on an attack with a written objective.
func TestConform(t *testing.T) {
	enc := attacktest.NewViT(1, 8, 8, 4, 6, 2, 5)
	attack.RegisterObjective("written-prm", "PRM written as an expression", func(*attack.Args) attack.Objective {
		return expr.Layers("written-prm", enc.Spec(), prm)
	})
	a, err := attack.Parse("pgd(objective=written-prm,steps=3)")
	if err != nil {
		t.Fatal(err)
	}
	attacktest.Conform(t, a, attacktest.Case{Encoder: enc})
}
