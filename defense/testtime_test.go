package defense_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/defensetest"
	"github.com/plumbline-ml/plumbline/encoder"
)

const embedWidth = 12 // of defensetest.Linear

func texts(n int) [][]float32 {
	rng := rand.New(rand.NewPCG(21, 4))
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, embedWidth)
		for k := range out[i] {
			out[i][k] = float32(rng.NormFloat64())
		}
	}
	return out
}

func withTexts() defense.Resources {
	return defense.Resources{Classes: texts(4), Blank: texts(5)[4]}
}

func TestTestTimeDefenses(t *testing.T) {
	for _, expr := range []string{"ttc", "ttc(tau=100)", "ttc(8/255,3,2/255,100,1)", "anti-adversary", "anti-adversary(1,0.01)",
		"clipure-cos", "clipure-cos(3,0.5)", "jpeg(90)+ttc", "ttc+median(3)", "gaussian(1)+clipure-cos", "clipure-cos+gaussian(1)"} {
		t.Run(expr, func(t *testing.T) {
			d, err := defense.Parse(expr, withTexts())
			if err != nil {
				t.Fatal(err)
			}
			defensetest.Run(t, d, withTexts(), 0.005)
		})
	}
}

// On a linear encoder the counter-attack of a stable image moves the embedding further than noise does.
func TestTTCMovesStableImages(t *testing.T) {
	e := defensetest.NewLinear(3)
	img := defensetest.Picture(20, 20, 1)
	clean, _ := defensetest.Evaluate(t, e, img)
	moved := func(tau string) float64 {
		d, err := defense.Parse("ttc(tau="+tau+")", defense.Resources{})
		if err != nil {
			t.Fatal(err)
		}
		w, err := d.Wrap(e, defense.Stream{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		z, _ := defensetest.Evaluate(t, w, img)
		s := 0.0
		for i := range z {
			s += math.Pow(float64(z[i]-clean[i]), 2)
		}
		return math.Sqrt(s)
	}
	if counter, noise := moved("100"), moved("0"); !(counter > 2*noise && noise > 0) {
		t.Errorf("the counter-attack moves the embedding by %g, noise by %g", counter, noise)
	}
}

// The anti-adversary raises the probability of the class that was predicted.
func TestAntiAdversaryRaisesConfidence(t *testing.T) {
	e := defensetest.NewLinear(3)
	img := defensetest.Picture(20, 20, 1)
	d, err := defense.Parse("anti-adversary(2,0.02)", withTexts())
	if err != nil {
		t.Fatal(err)
	}
	w, err := d.Wrap(e, defense.Stream{})
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := defensetest.Evaluate(t, e, img)
	after, _ := defensetest.Evaluate(t, w, img)
	if a, b := margin(plain), margin(after); !(b > a) {
		t.Errorf("margin %g before, %g after", a, b)
	}
}

// margin is the difference of the two largest cosines with the class texts.
func margin(z []float32) float64 {
	first, second := -2.0, -2.0
	for _, c := range texts(4) {
		dot, a, b := 0.0, 0.0, 0.0
		for i := range z {
			dot += float64(z[i]) * float64(c[i])
			a += float64(z[i]) * float64(z[i])
			b += float64(c[i]) * float64(c[i])
		}
		if v := dot / math.Sqrt(a*b); v > first {
			first, second = v, first
		} else if v > second {
			second = v
		}
	}
	return first - second
}

func TestTestTimeErrors(t *testing.T) {
	for expr, want := range map[string]string{
		"anti-adversary":    "Resources.Classes",
		"clipure-cos":       "Resources.Blank",
		"ttc(eps=0)":        "eps",
		"ttc(steps=0)":      "steps",
		"clipure-cos(0)":    "steps",
		"anti-adversary(0)": "steps",
	} {
		if _, err := defense.Parse(expr, defense.Resources{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", expr, err)
		}
	}
	narrow := defense.Resources{Classes: [][]float32{{1, 0}, {0, 1}}, Blank: []float32{1, 0}}
	for _, expr := range []string{"anti-adversary", "clipure-cos"} {
		d, err := defense.Parse(expr, narrow)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Wrap(defensetest.NewLinear(1), defense.Stream{}); err == nil || !strings.Contains(err.Error(), "dimensions") {
			t.Errorf("%s on an encoder of another width: %v", expr, err)
		}
	}
}

// Every purifier copes with pictures of a pixel or two, or says why it cannot.
func TestTinyPictures(t *testing.T) {
	for _, e := range defense.List() {
		if e.Name == "bpda" {
			continue
		}
		r := withTexts()
		r.Clean = resources().Clean
		d, err := defense.Parse(e.Name, r)
		if err != nil {
			t.Fatal(err)
		}
		w, err := d.Wrap(defensetest.NewLinear(1), defense.Stream{})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range [][2]int{{1, 1}, {1, 7}, {5, 2}} {
			tr, err := w.Trace(t.Context(), []*tensor.Dense{defensetest.Picture(s[0], s[1], 1)}, encoder.Embedding)
			if err != nil {
				if e.Name != "pca-patch" || !strings.Contains(err.Error(), "smaller than a patch") {
					t.Errorf("%s on %v: %v", d, s, err)
				}
				continue
			}
			if _, err := tr.VJP(t.Context(), []*tensor.Dense{tr.Activation(0)}); err != nil {
				t.Errorf("%s on %v: gradient: %v", d, s, err)
			}
		}
	}
}

// A value that is no number is named, never purified away.
func TestNonFinitePictures(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		img := defensetest.Picture(8, 8, 1)
		img.Data().([]float32)[5] = float32(v)
		for _, expr := range []string{"jpeg(75)", "median(3)", "ttc"} {
			e, err := parse(t, expr).Wrap(defensetest.NewLinear(1), defense.Stream{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Trace(t.Context(), []*tensor.Dense{defensetest.Picture(8, 8, 1), img}, encoder.Embedding); err == nil || !strings.Contains(err.Error(), "image 1: value 5") {
				t.Errorf("%s: %v", expr, err)
			}
		}
	}
}

// Bad pictures give errors, not panics.
func TestBadPictures(t *testing.T) {
	d := parse(t, "median(3)")
	e, err := d.Wrap(defensetest.NewLinear(1), defense.Stream{})
	if err != nil {
		t.Fatal(err)
	}
	for _, img := range []*tensor.Dense{nil, tensor.New(tensor.WithShape(4, 4), tensor.Of(tensor.Float32)),
		tensor.New(tensor.WithShape(1, 4, 4), tensor.Of(tensor.Float32)), tensor.New(tensor.WithShape(3, 4, 4), tensor.Of(tensor.Float64))} {
		if _, err := e.Trace(t.Context(), []*tensor.Dense{defensetest.Picture(8, 8, 1), img}); err == nil || !strings.Contains(err.Error(), "image 1") {
			t.Errorf("%v: error %v", img, err)
		}
	}
}

// TestDynamic: encoders behind a defence that optimises say so, however they are wrapped further.
func TestDynamic(t *testing.T) {
	for text, want := range map[string]bool{"jpeg(75)": false, "resize-pad": false, "ttc": true, "anti-adversary": true, "clipure-cos": true, "ttc+median(3)": true, "gaussian(1)+clipure-cos": true} {
		d, err := defense.Parse(text, withTexts())
		if err != nil {
			t.Fatal(err)
		}
		list, err := defense.Adversaries(d, defensetest.NewLinear(3), defense.Stream{Seed: 1}, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			e, ok := a.Encoder.(interface{ Dynamic() bool })
			if got := ok && e.Dynamic(); got != (want && a.Name != "transfer") {
				t.Errorf("%s, %s: dynamic is %v", text, a.Name, got)
			}
		}
	}
}
