package main

import (
	"context"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// labelHead is a head with one label per picture, as attacks on labels see it.
type labelHead struct {
	attack.Classifier
	head head.Head
}

func newLabelHead(h head.Head) (*labelHead, error) {
	c, err := eval.Classifier(h, 1)
	return &labelHead{c, h}, err
}

// measure finds the number of classes from the answer to one picture.
func (l *labelHead) measure(ctx context.Context, enc encoder.Encoder, image *tensor.Dense) error {
	acts, err := encoder.Activations(ctx, enc, []*tensor.Dense{image}, l.Taps()...)
	if err != nil {
		return err
	}
	scores, err := l.Logits(nil, acts)
	if err != nil {
		return err
	}
	l.Classifier, err = eval.Classifier(l.head, len(scores))
	return err
}

// label is the class that the head gives a picture with these activations.
func (l *labelHead) label(acts []*tensor.Dense) (int, error) {
	scores, err := l.Logits(nil, acts)
	best := 0
	for k, v := range scores {
		if v > scores[best] {
			best = k
		}
	}
	return best, err
}
