package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// guardSystem is a classifier: an encoder with prompts, or with a saved classification head.
type guardSystem struct {
	Encoder string   `yaml:"encoder,omitempty"`
	Labels  string   `yaml:"labels,omitempty"`
	Text    string   `yaml:"text,omitempty"`
	Head    string   `yaml:"head,omitempty"`
	Classes []string `yaml:"classes,omitempty"` // names of the head's classes
}

func (s *guardSystem) paths() []*string { return []*string{&s.Encoder, &s.Labels, &s.Text, &s.Head} }

// open returns the encoder and the classifier on it.
func (s guardSystem) open() (encoder.Encoder, defense.System, error) {
	enc, _, err := openEncoder(s.Encoder)
	if err != nil {
		return nil, nil, err
	}
	h, names, err := s.classifier()
	if err != nil {
		return nil, nil, err
	}
	return enc, opinionOf(enc, h, names), nil
}

func (s guardSystem) classifier() (head.Head, []string, error) {
	if s.Head != "" {
		h, err := head.Load(s.Head)
		if err != nil {
			return nil, nil, err
		}
		if h.Task() != head.Classification {
			return nil, nil, fmt.Errorf("%s is a head for %s, not for classification", s.Head, h.Task())
		}
		return h, s.Classes, nil
	}
	p, err := openPrompts(config{Encoder: s.Encoder, Labels: s.Labels, Text: s.Text})
	if err != nil {
		return nil, nil, err
	}
	h, err := head.NewZeroShot("zero-shot", p.rows, p.LogitScale)
	return h, p.Prompts, err
}

// opinionOf makes a system of a classification head: its label and the softmax of its scores as confidence.
func opinionOf(enc encoder.Encoder, h head.Head, names []string) defense.System {
	return func(ctx context.Context, image *tensor.Dense) (defense.Opinion, error) {
		outs, err := predict(ctx, enc, h, []*tensor.Dense{image})
		if err != nil {
			return defense.Opinion{}, err
		}
		out := outs[0]
		if out.Label < 0 || out.Label >= len(out.Scores) {
			return defense.Opinion{}, errors.New("the head chose no class")
		}
		label := fmt.Sprintf("class %d", out.Label)
		if out.Label < len(names) {
			label = names[out.Label]
		}
		return defense.Opinion{Label: label, Confidence: defense.Number(softmaxAt(out.Scores, out.Label))}, nil
	}
}

// softmaxAt is the softmax of scores at k.
func softmaxAt(scores []float32, k int) float64 {
	sum := 0.0
	for _, s := range scores {
		sum += math.Exp(float64(s - scores[k]))
	}
	return 1 / sum
}

// sameAnswers refuses two systems that could never agree, because they name their classes differently.
func sameAnswers(a, b guardSystem) error {
	_, first, err := a.classifier()
	if err != nil {
		return err
	}
	_, second, err := b.classifier()
	if err != nil {
		return err
	}
	if len(first) == 0 || len(second) == 0 || slices.ContainsFunc(first, func(name string) bool { return slices.Contains(second, name) }) {
		return nil
	}
	return usagef("second: the two systems have no class in common: %q and %q", first, second)
}
