package system

import (
	"context"
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// Differentiable is a system in two parts, so that an attacker who knows it can follow its gradient: an encoder that
// takes a picture to the system's outputs, and a head on these that makes the answer.
type Differentiable interface {
	System
	// Parts is an error that says why where there is no gradient. The head is a [head.Attackable] or [head.Harmed].
	Parts(ctx context.Context) (encoder.Encoder, head.Head, error)
}

var _ Differentiable = (*Network)(nil)

// Parts implements [Differentiable]. One gradient is computed to see whether the model has one.
func (n *Network) Parts(ctx context.Context) (encoder.Encoder, head.Head, error) {
	h, err := n.part()
	if err != nil {
		return nil, nil, err
	}
	size := n.model.Spec().ImageSize
	blank := tensor.New(tensor.WithShape(3, size[0], size[1]), tensor.Of(tensor.Float32))
	enc := differentiable(n.model)
	t, err := enc.Trace(ctx, []*tensor.Dense{blank}, n.taps...)
	if err != nil {
		return nil, nil, err
	}
	defer t.Close()
	var cot []*tensor.Dense
	for i := range n.taps {
		cot = append(cot, tensor.New(tensor.WithShape(t.Activation(i).Shape().Clone()...), tensor.Of(tensor.Float32)))
	}
	_, err = t.VJP(ctx, cot)
	return enc, h, err
}

// part is the head on the model's outputs.
func (n *Network) part() (head.Head, error) {
	o := outputs{n}
	switch {
	case n.cfg.Task == head.Detection:
		return boxesPart{o}, nil
	case n.kinds[0] != EmbeddingOutput:
		return choicesPart{o}, nil
	}
	a, ok := n.cfg.Head.(head.Attackable)
	if !ok {
		return nil, fmt.Errorf("the head on its embedding has no gradient")
	}
	return embeddingPart{o, a}, nil
}

// outputs is a head on the outputs of a network.
type outputs struct{ *Network }

// Taps implements [head.Head].
func (o outputs) Taps() []encoder.Tap { return o.taps }

func (o outputs) got(in head.Input) map[Kind]head.Activation {
	got := map[Kind]head.Activation{}
	for i, k := range o.kinds {
		got[k] = head.Activation{Shape: slices.Clone(in.Acts[i].Shape), Data: in.Acts[i].Data}
	}
	return got
}

// Predict implements [head.Head].
func (o outputs) Predict(in head.Input) (head.Output, error) {
	return o.read(o.got(in), in.Width, in.Height)
}

// choicesPart chooses among logits, for a picture or for each cell of it, or gives an anomaly score.
type choicesPart struct{ outputs }

// Scores implements [head.Differentiable]: the output's numbers; those of a mask of one channel less its threshold.
func (c choicesPart) Scores(in head.Input) (head.Activation, error) {
	a := in.Acts[0]
	if shape := last(a.Shape, 3); c.kinds[0] == Masks && shape != nil && shape[0] == 1 {
		out := a.Zeros()
		for i, v := range a.Data {
			out.Data[i] = v - float32(c.cfg.Threshold)
		}
		return out, nil
	}
	return a, nil
}

// VJP implements [head.Differentiable].
func (c choicesPart) VJP(in head.Input, d []float32) ([]head.Activation, error) {
	return []head.Activation{{Shape: in.Acts[0].Shape, Data: d}}, nil
}

// Decisions implements [head.Attackable].
func (c choicesPart) Decisions(clean []head.Output, t head.Truth) ([]head.Decisions, error) {
	classes := c.cfg.Classes
	switch c.kinds[0] {
	case Masks:
		return c.cells(t)
	case AnomalyScore:
		d := head.Decisions{Options: 1, Right: []int{1}, Scores: [][]int{nil}}
		if t.Label == t.Good {
			d.Right[0] = 0
		}
		for i := range c.numbers(AnomalyScore) {
			d.Scores[0] = append(d.Scores[0], i)
		}
		return []head.Decisions{d}, nil
	}
	if t.Label < 0 || t.Label >= len(classes.labels) {
		return nil, fmt.Errorf("system %s: image %s has no class", c.name, t.ID)
	}
	d := head.Decisions{Options: len(classes.labels), Right: []int{t.Label}, Scores: make([][]int, len(classes.labels))}
	for own, k := range classes.index {
		if k >= 0 {
			d.Scores[k] = append(d.Scores[k], own)
		}
	}
	return []head.Decisions{d}, nil
}

// shape of an output for one image, as the model declares it.
func (o outputs) shape(k Kind) []int {
	for _, out := range o.model.Outputs() {
		if string(out.Tap) == o.cfg.Outputs[k] {
			return out.Shape
		}
	}
	return nil
}

func (o outputs) numbers(k Kind) int {
	n := 1
	for _, d := range o.shape(k) {
		n *= d
	}
	return n
}

// cells chooses each cell's mask value.
func (c choicesPart) cells(t head.Truth) ([]head.Decisions, error) {
	shape := last(c.shape(Masks), 3)
	if shape == nil {
		return nil, fmt.Errorf("system %s: masks of shape %v", c.name, c.shape(Masks))
	}
	values, err := c.channels(shape[0])
	if err != nil {
		return nil, err
	}
	if t.Mask == nil {
		return nil, fmt.Errorf("system %s: image %s has no mask", c.name, t.ID)
	}
	options := 1 + len(c.cfg.Classes.labels)
	layout := head.Layout{Rows: shape[1], Cols: shape[2], Preproc: c.model.Spec().Preproc}
	right, err := layout.Majority(t.Mask, options, t.Width, t.Height)
	if err != nil {
		return nil, err
	}
	d := head.Decisions{Options: options, Right: right}
	cells := shape[1] * shape[2]
	for i := range cells {
		of := make([][]int, options)
		for k, v := range values[len(values)-shape[0]:] {
			of[v] = append(of[v], k*cells+i)
		}
		if shape[0] == 1 {
			of[dataset.Background] = []int{cells} // which is not there and counts as 0
		}
		d.Scores = append(d.Scores, of...)
	}
	return []head.Decisions{d}, nil
}

// embeddingPart hands the embedding to another head.
type embeddingPart struct {
	outputs
	on head.Attackable
}

func (e embeddingPart) input(in head.Input) head.Input {
	in.Acts = []head.Activation{head.Vector(in.Acts[0].Data)}
	return in
}

// Scores implements [head.Differentiable].
func (e embeddingPart) Scores(in head.Input) (head.Activation, error) {
	return e.on.Scores(e.input(in))
}

// VJP implements [head.Differentiable].
func (e embeddingPart) VJP(in head.Input, d []float32) ([]head.Activation, error) {
	at, err := e.on.VJP(e.input(in), d)
	if err != nil {
		return nil, err
	}
	return []head.Activation{{Shape: in.Acts[0].Shape, Data: at[0].Data}}, nil
}

// Decisions implements [head.Attackable].
func (e embeddingPart) Decisions(clean []head.Output, t head.Truth) ([]head.Decisions, error) {
	return e.on.Decisions(clean, t)
}
