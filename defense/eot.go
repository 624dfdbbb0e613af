package defense

import (
	"context"
	"fmt"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// MaxEOT bounds the draws that EOT averages: each keeps a trace.
const MaxEOT = 1024

// EOT returns an encoder whose activations are the mean over n independent draws of e's random defences, so that its
// gradient is that of the expected activation (expectation over transformation, arXiv 1707.07397). Its draws are 0 … n−1;
// its own Draw(i) uses draws i·n … (i+1)·n−1. e must come from Wrap.
//
// The mean is taken over activations, not over an objective's values; an attack that wants the latter averages gradients
// over [Drawer.Draw].
func EOT(e encoder.Encoder, n int) (encoder.Encoder, error) {
	d, ok := e.(Drawer)
	if !ok {
		return nil, fmt.Errorf("defense: EOT: %s has no random defence", e.Spec().Name)
	}
	if n < 1 || n > MaxEOT {
		return nil, fmt.Errorf("defense: EOT: %d draws, want 1…%d", n, MaxEOT)
	}
	return &eot{base: d, n: n}, nil
}

type eot struct {
	base  Drawer
	n     int
	first uint64
}

func (e *eot) Spec() encoder.Spec {
	s := e.base.Spec()
	s.Name += fmt.Sprintf(", mean of %d draws", e.n)
	return s
}

// Dynamic is that of the draws.
func (e *eot) Dynamic() bool { return dynamic(e.base) }

func (e *eot) Draw(i uint64) encoder.Encoder { return &eot{e.base, e.n, i * uint64(e.n)} }

func (e *eot) AtSize(h, w int) (encoder.Encoder, error) {
	r, err := encoder.AtSize(e.base, h, w)
	if err != nil {
		return nil, err
	}
	return &eot{r.(Drawer), e.n, e.first}, nil
}

func (e *eot) Trace(ctx context.Context, images []*tensor.Dense, taps ...encoder.Tap) (encoder.Trace, error) {
	t := &eotTrace{taps: len(taps)}
	for i := range e.n {
		draw, err := e.base.Draw(e.first+uint64(i)).Trace(ctx, images, taps...)
		if err != nil {
			t.Close()
			return nil, err
		}
		t.draws = append(t.draws, draw)
	}
	return t, nil
}

type eotTrace struct {
	draws []encoder.Trace
	taps  int
	mean  []*tensor.Dense
	grads []*tensor.Dense
}

func (t *eotTrace) Activation(i int) *tensor.Dense {
	if t.mean == nil {
		t.mean = make([]*tensor.Dense, t.taps)
	}
	if t.mean[i] == nil {
		parts := make([]*tensor.Dense, len(t.draws))
		for k, d := range t.draws {
			parts[k] = d.Activation(i)
		}
		t.mean[i] = meanOf(parts)
	}
	return t.mean[i]
}

// meanOf returns the mean of tensors of one shape.
func meanOf(parts []*tensor.Dense) *tensor.Dense {
	sum := make([]float64, parts[0].Shape().TotalSize())
	for _, p := range parts {
		for k, v := range p.Data().([]float32) {
			sum[k] += float64(v)
		}
	}
	out := make([]float32, len(sum))
	for k, v := range sum {
		out[k] = float32(v / float64(len(parts)))
	}
	return tensor.New(tensor.WithShape(parts[0].Shape().Clone()...), tensor.WithBacking(out))
}

func (t *eotTrace) VJP(ctx context.Context, cotangents []*tensor.Dense) ([]*tensor.Dense, error) {
	var sums [][]float64
	for _, d := range t.draws {
		g, err := d.VJP(ctx, cotangents)
		if err != nil {
			return nil, err
		}
		if sums == nil {
			t.grads = make([]*tensor.Dense, len(g))
			for b := range g {
				t.grads[b] = tensor.New(tensor.WithShape(g[b].Shape().Clone()...), tensor.Of(tensor.Float32))
				sums = append(sums, make([]float64, g[b].Shape().TotalSize()))
			}
		}
		for b := range g {
			for k, v := range g[b].Data().([]float32) {
				sums[b][k] += float64(v)
			}
		}
	}
	for b, s := range sums {
		out := t.grads[b].Data().([]float32)
		for k, v := range s {
			out[k] = float32(v / float64(len(t.draws)))
		}
	}
	return t.grads, nil
}

func (t *eotTrace) Close() {
	for _, d := range t.draws {
		d.Close()
	}
}
