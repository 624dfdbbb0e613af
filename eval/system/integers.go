package system

import (
	"context"
	"slices"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// withIntegers is a model of which some outputs hold integers. Its traces read these in a pass of their own; they have
// no gradient.
type withIntegers struct {
	*encoder.Model
	integers []encoder.Tap
}

// differentiable is the model as one whose integer outputs may be tapped.
func differentiable(m *encoder.Model) encoder.Encoder {
	e := withIntegers{Model: m}
	for _, o := range m.Outputs() {
		if o.Integers {
			e.integers = append(e.integers, o.Tap)
		}
	}
	if e.integers == nil {
		return m
	}
	return e
}

// Trace implements [encoder.Encoder].
func (e withIntegers) Trace(ctx context.Context, images []*tensor.Dense, taps ...encoder.Tap) (encoder.Trace, error) {
	t := &integerTrace{integers: make([]*tensor.Dense, len(taps)), at: make([]int, len(taps))}
	var smooth []encoder.Tap
	for i, tap := range taps {
		if !slices.Contains(e.integers, tap) {
			t.at[i] = len(smooth)
			smooth = append(smooth, tap)
			continue
		}
		v, err := e.Forward(ctx, images, tap)
		if err != nil {
			return nil, err
		}
		t.integers[i] = v[0]
	}
	var err error
	t.Trace, err = e.Model.Trace(ctx, images, smooth...)
	return t, err
}

type integerTrace struct {
	encoder.Trace
	integers []*tensor.Dense // by tap; nil for others
	at       []int           // tap → tap of the trace
}

// Activation implements [encoder.Trace].
func (t *integerTrace) Activation(i int) *tensor.Dense {
	if t.integers[i] != nil {
		return t.integers[i]
	}
	return t.Trace.Activation(t.at[i])
}

// VJP implements [encoder.Trace].
func (t *integerTrace) VJP(ctx context.Context, cotangents []*tensor.Dense) ([]*tensor.Dense, error) {
	var smooth []*tensor.Dense
	for i, c := range cotangents {
		if t.integers[i] == nil {
			smooth = append(smooth, c)
		}
	}
	return t.Trace.VJP(ctx, smooth)
}
