package guard

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"
)

func apply(t *testing.T, text string, row ...float64) []float64 {
	t.Helper()
	g, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Parse(g.String()); err != nil || again.String() != g.String() {
		t.Fatalf("%s prints as %s, which gives %v (%v)", text, g, again, err)
	}
	out := slices.Clone(row)
	g.Apply(out, 1)
	return out
}

func TestGuards(t *testing.T) {
	for text, c := range map[string]struct{ in, want []float64 }{
		"round(1)":               {[]float64{1.26, -0.04, 3, 0.25}, []float64{1.3, 0, 3, 0.3}},
		"round(0)":               {[]float64{1.5, -1.5, 0.2}, []float64{2, -2, 0}},
		"step(0.5)":              {[]float64{0.3, 0.8, -0.7}, []float64{0.5, 1, -0.5}},
		"topk(2)":                {[]float64{0.5, 0.1, 0.3, 0.1}, []float64{0.5, 0, 0.3, 0}},
		"topk(9)":                {[]float64{0.5, 0.1}, []float64{0.5, 0.1}},
		"temperature(4)":         {[]float64{2, -4}, []float64{0.5, -1}},
		"softmax":                {[]float64{0, math.Log(3)}, []float64{0.25, 0.75}},
		"softmax+round(1)":       {[]float64{1000, 1000, 0}, []float64{0.5, 0.5, 0}},
		"temperature(2)+softmax": {[]float64{0, 2 * math.Log(4)}, []float64{0.2, 0.8}},
	} {
		got := apply(t, text, c.in...)
		for i := range got {
			if math.Abs(got[i]-c.want[i]) > 1e-12 {
				t.Errorf("%s of %v: %v, want %v", text, c.in, got, c.want)
				break
			}
		}
	}
}

// No guard changes which score is largest, but for ties that rounding makes.
func TestGuardsKeepTheArgmax(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, text := range []string{"round(1)", "step(0.3)", "topk(1)", "topk(3)", "temperature(5)", "softmax", "softmax+round(1)",
		"noise(0.1)", "noise(10)", "softmax+noise(1)+round(2)", "softmax+topk(2)"} {
		for range 200 {
			row := make([]float64, 7)
			for i := range row {
				row[i] = 3 * rng.NormFloat64()
			}
			out := apply(t, text, row...)
			if top := argmax(row); out[top] != out[argmax(out)] {
				t.Fatalf("%s of %v gives %v", text, row, out)
			}
		}
	}
}

// The noise has the size it names, differs with the seed, and repeats for the same row.
func TestNoise(t *testing.T) {
	g := Noise{0.5}
	sum, n := 0.0, 0
	for i := range 2000 {
		row := []float64{100, float64(i), -100} // no exchange
		row[1] /= 100
		out := slices.Clone(row)
		g.Apply(out, 7)
		again := slices.Clone(row)
		g.Apply(again, 7)
		other := slices.Clone(row)
		g.Apply(other, 8)
		if !slices.Equal(out, again) || slices.Equal(out, other) {
			t.Fatal("noise is not a function of seed and row")
		}
		for k := range row {
			sum += (out[k] - row[k]) * (out[k] - row[k])
			n++
		}
	}
	if sd := math.Sqrt(sum / float64(n)); math.Abs(sd-0.5) > 0.02 {
		t.Errorf("standard deviation %g, want 0.5", sd)
	}
}

func images(n int) []*tensor.Dense {
	out := make([]*tensor.Dense, n)
	for i := range out {
		out[i] = tensor.New(tensor.WithShape(3, 1, 1), tensor.Of(tensor.Float32))
	}
	return out
}

func TestGuarded(t *testing.T) {
	inner := [][]float64{{0.31, 0.34}, {2, 1}}
	s := ScorerFunc(func(context.Context, []*tensor.Dense) ([][]float64, error) { return inner, nil })
	a, err := Wrap(s, Round{1}, 0).Answers(t.Context(), images(2))
	if err != nil || a[0].Label != 1 || !slices.Equal(a[0].Scores, []float64{0.3, 0.3}) || a[1].Label != 0 {
		t.Errorf("%v, error %v", a, err)
	}
	if inner[0][0] != 0.31 {
		t.Error("the scorer's own row was changed")
	}
	for want, rows := range map[string][][]float64{"image 1: the score of class 0": {{1}, {math.NaN()}}, "no scores": {{1}, {}}, "1 rows": {{1}}} {
		bad := ScorerFunc(func(context.Context, []*tensor.Dense) ([][]float64, error) { return rows, nil })
		if _, err := Wrap(bad, Round{1}, 0).Scores(t.Context(), images(2)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", rows, err)
		}
	}
	fail := ScorerFunc(func(context.Context, []*tensor.Dense) ([][]float64, error) { return nil, errors.New("down") })
	if _, err := Wrap(fail, Round{1}, 0).Scores(t.Context(), images(1)); err == nil {
		t.Error("the scorer's error is lost")
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{"": "name is missing", "hide": "unknown", "round(-1)": "digits", "round(x)": "integer",
		"step(0)": "size", "topk(0)": "k is 0", "temperature(0)": "t is 0", "noise(nan)": "sigma", "softmax(1)": "one too many"} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, e := range List() {
		if e.Doc == "" {
			t.Errorf("%s is not documented", e.Name)
		}
	}
}
