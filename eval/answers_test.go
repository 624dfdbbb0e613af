package eval

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// scripted is a head that answers by rote: outputs by how often it was asked, an error where there is none.
type scripted struct {
	name string
	task head.Task
	says func(level float32) (head.Output, error)
}

func (s scripted) Name() string        { return s.name }
func (s scripted) Task() head.Task     { return s.task }
func (s scripted) Taps() []encoder.Tap { return []encoder.Tap{encoder.Embedding} }
func (s scripted) Predict(in head.Input) (head.Output, error) {
	return s.says(in.Acts[0].Data[0])
}

// TestNoAnswer: an answer that fails counts as the worst in every task and in every metric, and a flag names the
// system; an image of which the truth is not known is in no number.
func TestNoAnswer(t *testing.T) {
	p := plan(t, 6)
	p.Attempts = p.Attempts[:1]
	p.Data.Classes = []string{"good", "rows", "columns"}
	for i, s := range p.Data.Samples { // images of class "rows" have a box, which is there to find
		if i%3 == 1 {
			s.Boxes = []dataset.Box{{X0: 1, Y0: 1, X1: 9, Y1: 9, Class: 1}}
		}
	}
	p.Data.Samples[5].Label = dataset.NoLabel // nobody knows
	loaded, _ := p.Data.LoadAll(t.Context())
	acts, err := activations(t.Context(), p.Encoder, loaded, []encoder.Tap{encoder.Embedding})
	if err != nil {
		t.Fatal(err)
	}
	index := func(level float32) int { // which clean image it is, −1 for an attacked one
		return slices.IndexFunc(acts[0], func(a head.Activation) bool { return a.Data[0] == level })
	}
	broken := errors.New("lamp off")
	score := scripted{"score", head.Anomaly, func(level float32) (head.Output, error) {
		k := index(level)
		if k < 0 || k == 0 || k == 1 { // one good part, one defective one
			return head.Output{}, broken
		}
		return head.Output{Anomaly: float64(k % 3)}, nil
	}}
	boxes := scripted{"boxes", head.Detection, func(level float32) (head.Output, error) {
		k := index(level)
		if k < 0 || k == 1 {
			return head.Output{}, broken
		}
		return head.Output{Detections: []metric.Detection{{Box: dataset.Box{X0: 1, Y0: 1, X1: 9, Y1: 9, Class: 1}, Score: float64(k)}}}, nil
	}}
	g, err := Heads(p.Encoder, "same-weights", "", p.Data, HeadSystem{Head: score}, HeadSystem{Head: boxes})
	if err != nil {
		t.Fatal(err)
	}
	p.Groups = []Group{g}
	r, _ := assembled(t, finish(t, p, t.TempDir(), false))
	// Of five images with a class, 0 and 3 are good. Pairs of defective against good: 1 (−∞) loses both, 2 and 4 lose
	// against 0 (+∞) and win against 3.
	if c := r.Cell("score", report.Clean).Score; c.N != 5 || math.Abs(float64(c.Value)-2./6) > 1e-9 {
		t.Errorf("AUROC %v of %d images, want 1/3 of 5", c.Value, c.N)
	}
	if c := r.Cell("score", "noise@4/255").Score; c.N != 5 || c.Value != 0 {
		t.Errorf("AUROC of no answer at all: %v of %d images", c.Value, c.N)
	}
	// Of two boxes that are there one is found, behind three that are not.
	if c := r.Cell("boxes", report.Clean).Score; !(c.Value > 0) || c.Value > 0.5 {
		t.Errorf("AP50 %v", c.Value)
	}
	if c := r.Cell("boxes", "noise@4/255").Score; c.Value != 0 {
		t.Errorf("AP50 of no answer at all: %v", c.Value)
	}
	var codes []string
	for _, f := range r.Flags {
		codes = append(codes, f.Code+" "+f.System)
		if f.Code == "no-answer" && (f.Attack != "noise@4/255" || !slices.Contains(f.Text.Args, "lamp off")) {
			t.Errorf("%+v", f)
		}
	}
	for _, want := range []string{"no-answer score", "no-answer boxes", "not-judged score"} {
		if !slices.Contains(codes, want) {
			t.Errorf("flags %q, want %q", codes, want)
		}
	}
}
