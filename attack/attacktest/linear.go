// Package attacktest holds encoders with known answers and the conformance suite that every attack
// passes.
package attacktest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// Linear is an encoder whose activations are W·x + b, so that worst cases have closed forms. Its taps
// are stem and tokens (1 prefix-free sequence of T tokens of width D) and embedding (the same T·D numbers). It does
// no preprocessing: images are h×w. W has T·D rows of 3·h·w.
type Linear struct {
	h, w, t, d int
	W, B       []float32
	mu         sync.Mutex
	free       []*linearTrace
}

// NewLinear returns a linear encoder with weights drawn from U(−1,1)/√(3hw) and a bias from U(−1,1).
func NewLinear(seed uint64, h, w, tokens, width int) *Linear {
	rng := rand.New(rand.NewPCG(seed, 1))
	n := 3 * h * w
	e := &Linear{h: h, w: w, t: tokens, d: width, W: make([]float32, tokens*width*n), B: make([]float32, tokens*width)}
	fill(rng, e.W, 1/sqrt(n))
	fill(rng, e.B, 1)
	return e
}

// Spec implements encoder.Encoder.
func (e *Linear) Spec() encoder.Spec {
	return encoder.Spec{Name: "linear", ImageSize: [2]int{e.h, e.w}, Width: e.d, Tokens: e.t, Grid: [2]int{1, e.t}, Embedding: e.t * e.d}
}

// Trace implements encoder.Encoder. It allocates nothing once warm, for one image.
func (e *Linear) Trace(ctx context.Context, images []*tensor.Dense, taps ...encoder.Tap) (encoder.Trace, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t, err := e.take(len(images), taps)
	if err != nil {
		return nil, err
	}
	m := e.t * e.d
	for b, img := range images {
		x, err := values(img, e.h, e.w)
		if err != nil {
			return nil, err
		}
		for r := range m {
			s := float64(e.B[r])
			for k, w := range e.W[r*len(x):][:len(x)] {
				s += float64(w) * float64(x[k])
			}
			for _, a := range t.acts {
				a.Float32s()[b*m+r] = float32(s)
			}
		}
	}
	return t, nil
}

// take returns a trace for this batch size and these taps, reusing a closed one.
func (e *Linear) take(batch int, taps []encoder.Tap) (*linearTrace, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, t := range e.free {
		if t.batch == batch && slices.Equal(t.taps, taps) {
			e.free = slices.Delete(e.free, i, i+1)
			return t, nil
		}
	}
	return e.newTrace(batch, taps)
}

func (e *Linear) newTrace(batch int, taps []encoder.Tap) (*linearTrace, error) {
	t := &linearTrace{e: e, batch: batch, taps: append([]encoder.Tap(nil), taps...)}
	for _, tap := range taps {
		shape := []int{batch, e.t, e.d}
		switch tap {
		case encoder.Stem, encoder.Tokens:
		case encoder.Embedding:
			shape = []int{batch, e.t * e.d}
		default:
			return nil, fmt.Errorf("attacktest: linear has no tap %s", tap)
		}
		t.acts = append(t.acts, tensor.New(tensor.WithShape(shape...), tensor.Of(tensor.Float32)))
	}
	for range batch {
		t.grads = append(t.grads, tensor.New(tensor.WithShape(3, e.h, e.w), tensor.Of(tensor.Float32)))
	}
	return t, nil
}

type linearTrace struct {
	e     *Linear
	batch int
	taps  []encoder.Tap
	acts  []*tensor.Dense
	grads []*tensor.Dense
}

func (t *linearTrace) Activation(i int) *tensor.Dense { return t.acts[i] }

func (t *linearTrace) VJP(ctx context.Context, cotangents []*tensor.Dense) ([]*tensor.Dense, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m, n := t.e.t*t.e.d, 3*t.e.h*t.e.w
	for b := range t.batch {
		g := t.grads[b].Float32s()
		for k := range g {
			s := 0.0
			for _, c := range cotangents {
				if c == nil {
					continue
				}
				for r, v := range c.Float32s()[b*m:][:m] {
					s += float64(v) * float64(t.e.W[r*n+k])
				}
			}
			g[k] = float32(s)
		}
	}
	return t.grads, nil
}

func (t *linearTrace) Close() {
	t.e.mu.Lock()
	defer t.e.mu.Unlock()
	t.e.free = append(t.e.free, t)
}
