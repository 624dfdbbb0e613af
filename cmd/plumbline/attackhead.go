package main

import (
	"context"
	"fmt"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// labelHead is a differentiable head with one label per picture, as attacks on labels see it.
type labelHead struct {
	head.Differentiable
	classes int
}

func newLabelHead(h head.Head) (*labelHead, error) {
	d, ok := h.(head.Differentiable)
	if !ok || h.Task() != head.Classification {
		return nil, fmt.Errorf("head %s (%s) cannot be attacked here: want a classifier with a gradient", h.Name(), h.Task())
	}
	return &labelHead{Differentiable: d}, nil
}

// measure finds the number of classes from the answer to one picture.
func (l *labelHead) measure(ctx context.Context, enc encoder.Encoder, image *tensor.Dense) error {
	acts, err := encoder.Activations(ctx, enc, []*tensor.Dense{image}, l.Taps()...)
	if err != nil {
		return err
	}
	s, err := l.Scores(l.input(acts))
	l.classes = len(s.Data)
	return err
}

func (l *labelHead) input(acts []*tensor.Dense) head.Input {
	var in head.Input
	for _, a := range acts {
		in.Acts = append(in.Acts, head.Activation{Shape: a.Shape()[1:], Data: a.Float32s()})
	}
	return in
}

// Classes implements [attack.Classifier].
func (l *labelHead) Classes() int { return l.classes }

// Logits implements [attack.Classifier].
func (l *labelHead) Logits(dst []float64, acts []*tensor.Dense) ([]float64, error) {
	s, err := l.Scores(l.input(acts))
	for _, v := range s.Data {
		dst = append(dst, float64(v))
	}
	return dst, err
}

// VJP implements [attack.Classifier].
func (l *labelHead) VJP(cot, acts []*tensor.Dense, dLogits []float64) error {
	d := make([]float32, len(dLogits))
	for i, v := range dLogits {
		d[i] = float32(v)
	}
	grads, err := l.Differentiable.VJP(l.input(acts), d)
	for k, g := range grads {
		copy(cot[k].Float32s(), g.Data)
	}
	return err
}
