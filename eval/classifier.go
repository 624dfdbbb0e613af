package eval

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/defense/guard"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// classifier is a classification head as attacks see it.
type classifier struct {
	head    head.Differentiable
	classes int
}

var _ attack.Classifier = classifier{}

// newClassifier returns nil for a head that is no differentiable classifier.
func newClassifier(s HeadSystem, data *dataset.Dataset) attack.Classifier {
	d, ok := s.Head.(head.Differentiable)
	if !ok || s.Head.Task() != head.Classification {
		return nil
	}
	return classifier{d, max(len(s.Labels), len(data.Classes))}
}

func (c classifier) Taps() []encoder.Tap { return c.head.Taps() }
func (c classifier) Classes() int        { return c.classes }

func (c classifier) input(acts []*tensor.Dense) head.Input {
	var in head.Input
	for _, a := range acts {
		in.Acts = append(in.Acts, head.Activation{Shape: a.Shape()[1:], Data: a.Float32s()})
	}
	return in
}

func (c classifier) Logits(dst []float64, acts []*tensor.Dense) ([]float64, error) {
	s, err := c.head.Scores(c.input(acts))
	if err != nil {
		return nil, err
	}
	for _, v := range s.Data {
		dst = append(dst, float64(v))
	}
	return dst, nil
}

func (c classifier) VJP(cot, acts []*tensor.Dense, dlogits []float64) error {
	d := make([]float32, len(dlogits))
	for i, v := range dlogits {
		d[i] = float32(v)
	}
	back, err := c.head.VJP(c.input(acts), d)
	if err != nil {
		return err
	}
	for k, b := range back {
		copy(cot[k].Float32s(), b.Data)
	}
	return nil
}

// guarded is a classifier that shows its scores through a guard, as somebody who may only ask sees it. The
// label is shown beside them, so of scores that the guard made equal the label's counts as the largest.
type guarded struct {
	attack.Classifier
	guard guard.Guard
	seed  uint64
}

func (g guarded) Logits(dst []float64, acts []*tensor.Dense) ([]float64, error) {
	from := len(dst)
	dst, err := g.Classifier.Logits(dst, acts)
	if err != nil {
		return nil, err
	}
	row := dst[from:]
	label := 0
	for k, v := range row {
		if v > row[label] {
			label = k
		}
	}
	g.guard.Apply(row, g.seed)
	for k, v := range row {
		if k != label && v >= row[label] {
			row[label] = math.Nextafter(v, math.Inf(1))
		}
	}
	return dst, nil
}

// labelled are the options of an attack on a head that knows each image's class.
func labelled(c attack.Classifier) func([]*dataset.Sample) ([]attack.Option, error) {
	return func(images []*dataset.Sample) ([]attack.Option, error) {
		labels := make([]int, len(images))
		for i, s := range images {
			if s.Label < 0 {
				return nil, fmt.Errorf("%s has no class, which an attack on a classifier needs", s.ID)
			}
			labels[i] = s.Label
		}
		return []attack.Option{attack.Against(c, labels)}, nil
	}
}
