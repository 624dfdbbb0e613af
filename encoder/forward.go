package encoder

import (
	"context"
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// Forwarder is implemented by encoders that can run without keeping what a VJP needs.
type Forwarder interface {
	Forward(ctx context.Context, images []*tensor.Dense, taps ...Tap) ([]*tensor.Dense, error)
}

// Activations returns the values at taps for images, in the caller's own memory. It takes less memory
// than a Trace where no gradient is wanted.
func Activations(ctx context.Context, e Encoder, images []*tensor.Dense, taps ...Tap) ([]*tensor.Dense, error) {
	if f, ok := e.(Forwarder); ok {
		return f.Forward(ctx, images, taps...)
	}
	t, err := e.Trace(ctx, images, taps...)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	var out []*tensor.Dense
	for i := range taps {
		out = append(out, t.Activation(i).Clone().(*tensor.Dense))
	}
	return out, nil
}

// Forward returns the values at taps; memory is bounded by the number of workers, not of images.
func (m *Model) Forward(ctx context.Context, images []*tensor.Dense, taps ...Tap) ([]*tensor.Dense, error) {
	p, err := m.programFor(taps, false)
	if err != nil {
		return nil, err
	}
	out := make([]*tensor.Dense, len(taps))
	for i, l := range p.layouts {
		shape := slices.Clone(l.shape)
		shape[l.batch] = len(images)
		out[i] = tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...))
	}
	err = parallel(len(images), func(b int) error { return m.forwardInto(ctx, p, out, images, b) })
	return out, err
}

func (m *Model) forwardInto(ctx context.Context, p *program, out, images []*tensor.Dense, b int) error {
	s, err := p.state()
	if err != nil {
		return err
	}
	defer p.release(s)
	r := run{state: s}
	if err := m.prepare(&r, images[b]); err != nil {
		return fmt.Errorf("encoder: image %d: %w", b, err)
	}
	r.plan.Apply(s.Values(p.input), images[b].Float32s(), r.scratch)
	if err := s.Forward(ctx); err != nil {
		return err
	}
	for i, l := range p.layouts {
		l.copyOut(out[i].Float32s(), len(images), b, s, p.outs[i])
	}
	return nil
}
