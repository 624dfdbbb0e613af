package head

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// noGradient are the suite's heads that cannot be attacked by their gradient.
var noGradient = []string{"fixture/classify-knn", "fixture/segment-knn", "fixture/detect-prototypes", "fixture/vqa-retrieval"}

// checkDecisions holds a head's decisions to its own answer on an image and Back to central differences of
// Logits.
func checkDecisions(t *testing.T, h Head, f Features) {
	t.Helper()
	a, ok := h.(Attackable)
	_, harmed := h.(Harmed)
	if (ok || harmed) == slices.Contains(noGradient, h.Name()) || ok && harmed {
		t.Errorf("%s: attackable is %v, harmed %v", h.Name(), ok, harmed)
	}
	if harmed {
		checkHarm(t, h.(Harmed), f)
	}
	if !ok {
		return
	}
	in, err := f.Input(h.Taps())
	if err != nil {
		t.Fatal(err)
	}
	in.Question = f.Sample.QA[0].Text
	clean, err := h.Predict(in)
	if err != nil {
		t.Fatal(err)
	}
	all, err := a.Decisions([]Output{clean}, Truth{Sample: f.Sample})
	if err != nil {
		t.Fatal(err)
	}
	scores, err := a.Scores(in)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || len(all[0].Scores) != all[0].Options*len(all[0].Right) || len(all[0].Right) == 0 {
		t.Fatalf("%s: decisions of %d choices", h.Name(), len(all))
	}
	d := all[0]
	if h.Task() == Classification {
		if z := d.Logits(nil, scores.Data); !slices.Equal(d.Right, []int{f.Sample.Label}) || float32(slices.Max(z)) != z32(z)[clean.Label] {
			t.Errorf("%s: logits %v, right %v, but it said %d", h.Name(), z, d.Right, clean.Label)
		}
	}
	checkBack(t, h.Name(), d, len(scores.Data))
}

func z32(z []float64) []float32 {
	out := make([]float32, len(z))
	for i, v := range z {
		out[i] = float32(v)
	}
	return out
}

// checkBack uses scores without ties, as many as the head's.
func checkBack(t *testing.T, name string, d Decisions, n int) {
	t.Helper()
	scores := make([]float32, n)
	for i, k := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
		scores[i] = float32(k) / 64
	}
	weights := make([]float64, len(d.Scores))
	for i := range weights {
		weights[i] = float64(i%5) - 1.7
	}
	value := func() float64 {
		var sum float64
		for i, v := range d.Logits(nil, scores) {
			sum += weights[i] * v
		}
		return sum
	}
	got := make([]float32, len(scores))
	d.Back(got, scores, weights)
	const h = 1.0 / 1024
	for i := 0; i < len(scores); i += 1 + len(scores)/40 {
		old := scores[i]
		scores[i] = old + h
		up := value()
		scores[i] = old - h
		down := value()
		scores[i] = old
		if want := (up - down) / float64((old+h)-(old-h)); math.Abs(want-float64(got[i])) > 1e-2*(1+math.Abs(want)) {
			t.Errorf("%s: gradient %v at score %d, differences give %v", name, got[i], i, want)
		}
	}
}

func TestDecisionsByHand(t *testing.T) {
	// Two choices of two options: the first pools scores 0 and 1 against 2, the second is lost by far.
	d := Decisions{Options: 2, Scores: [][]int{{0, 1}, {2}, {3}, {4, 9}}, Right: []int{1, 0}}
	scores := []float32{1, 3, 2.5, -4, 7}
	if got, want := d.Logits(nil, scores), []float64{3, 2.5, -4, -3 + 10./64}; !slices.Equal(got, want) { // 7 leads by 10 more than 1
		t.Errorf("logits %v, want %v", got, want)
	}
	cot := make([]float32, 5)
	d.Back(cot, scores, []float64{1, 10, 100, 1000})
	if want := []float32{0, 1, 10, 100 + 1000*63./64, 1000. / 64}; !slices.Equal(cot, want) {
		t.Errorf("gradient %v, want %v", cot, want)
	}
	// A single choice is not cut; an option without a score is never chosen; one beyond the scores counts as 0.
	one := Decisions{Options: 3, Scores: [][]int{{0}, nil, {8}}, Right: []int{0}}
	if got := one.Logits(nil, []float32{-9}); got[0] != -9 || got[1] > -1e5 || got[2] != 0 {
		t.Errorf("logits %v", got)
	}
}
