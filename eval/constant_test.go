package eval

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// TestConstant: what one answer for all images scores, by hand.
func TestConstant(t *testing.T) {
	ask := func(color, other string) *dataset.Sample {
		return &dataset.Sample{ID: "x", Width: 2, Height: 1, QA: []dataset.Question{{Text: "colour?", Answers: []string{color}}, {Text: "other?", Answers: []string{other}}},
			Captions: []string{"a " + color + " part with a " + other}}
	}
	samples := []*dataset.Sample{ask("red", "dent"), ask("red", "scratch"), ask("blue", "dent"), ask("red", "hole")}
	for i, s := range samples { // one of two pixels is of class 0, on every second image
		s.Label, s.Mask = i%2, dataset.NewMask(2, 1)
		if i%2 == 0 {
			s.Mask.Pix[1] = 1
		}
	}
	data := &dataset.Dataset{Name: "d", Classes: []string{"p", "q"}, Samples: samples}
	for task, want := range map[head.Task]float64{
		head.VQA:          (3./4 + 2./4) / 2, // red, dent
		head.Segmentation: (6. / 8) / 2,      // background is 6 of 8 pixels, the class is never there; a class of no pixel does not count
		head.Retrieval:    2. / 4,
	} {
		sc, err := newScorer(task, data)
		if err != nil {
			t.Fatal(err)
		}
		var rows []Response
		for _, s := range samples {
			rows = append(rows, respond(task, sc, s, func(string) (head.Output, error) {
				return head.Output{Text: "?", Label: s.Label, Mask: s.Mask}, nil
			}))
		}
		got, err := sc.(constant).constant(rows)
		if err != nil || math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: %v, want %v, %v", task, got, want, err)
		}
	}
	// The best caption for all images is one of the references, and no other does better.
	sc, err := newScorer(head.Captioning, data)
	if err != nil {
		t.Fatal(err)
	}
	var rows []Response
	for _, s := range samples {
		rows = append(rows, respond(head.Captioning, sc, s, func(string) (head.Output, error) { return head.Output{Text: "none"}, nil }))
	}
	got, err := sc.(constant).constant(rows)
	if err != nil {
		t.Fatal(err)
	}
	best := 0.0
	for _, s := range samples {
		mean := 0.0
		for _, of := range samples {
			mean += sc.(captioning).cider.D(s.Captions[0], of.Captions) / 4
		}
		best = max(best, mean)
	}
	if math.Abs(got-best) > 1e-9 || !(got > 0) {
		t.Errorf("one caption for all: %v, want %v", got, best)
	}
	var d questionsDetail
	if err := json.Unmarshal([]byte(`[{"question": "q", "answers": ["a"]}]`), &d); err != nil || d[0].Answers[0] != "a" {
		t.Errorf("%+v, %v", d, err)
	}
}
