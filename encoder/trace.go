package encoder

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/internal/engine"
)

// trace is one forward pass of a Model: one execution for each image, so that no image can touch another.
type trace struct {
	model  *Model
	prog   *program
	images []*tensor.Dense
	runs   []run
	acts   []*tensor.Dense
	grads  []*tensor.Dense
	crew   crew
}

// run is one image's execution.
type run struct {
	state   *engine.State
	plan    *Plan
	scratch []float32
}

// Trace runs one forward pass; see [Encoder].
func (m *Model) Trace(ctx context.Context, images []*tensor.Dense, taps ...Tap) (Trace, error) {
	prog, err := m.programFor(taps, true)
	if err != nil {
		return nil, err
	}
	t, err := m.newTrace(prog, len(images))
	if err != nil {
		return nil, err
	}
	if err := t.forward(ctx, images); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// newTrace reuses a closed trace over as many images, or makes one.
func (m *Model) newTrace(prog *program, n int) (*trace, error) {
	if t := prog.take(n); t != nil {
		t.model = m
		return t, nil
	}
	t := &trace{model: m, prog: prog, runs: make([]run, n), grads: make([]*tensor.Dense, n)}
	for b := range t.runs {
		s, err := prog.state()
		if err != nil {
			return nil, err
		}
		t.runs[b].state = s
	}
	for i, l := range prog.layouts {
		t.acts = append(t.acts, l.tensor(n, t.runs, prog.outs[i]))
	}
	return t, nil
}

// Close hands the memory back for the next trace.
func (t *trace) Close() {
	t.images = nil
	t.prog.give(t)
}

// forward preprocesses and runs every image.
func (t *trace) forward(ctx context.Context, images []*tensor.Dense) error {
	t.images = images
	for b, img := range images {
		if err := t.model.prepare(&t.runs[b], img); err != nil {
			return fmt.Errorf("encoder: image %d: %w", b, err)
		}
	}
	if err := t.each(ctx, forwardOne); err != nil {
		return err
	}
	for i, l := range t.prog.layouts {
		l.join(t.acts[i], t.runs, t.prog.outs[i])
	}
	return nil
}

func forwardOne(ctx context.Context, t *trace, b int) error {
	r := &t.runs[b]
	r.plan.Apply(r.state.Values(t.prog.input), t.images[b].Float32s(), r.scratch)
	return r.state.Forward(ctx)
}

// prepare checks an image and finds the preprocessing of its size.
func (m *Model) prepare(r *run, img *tensor.Dense) error {
	s := img.Shape()
	if len(s) != 3 || s[0] != 3 || img.Dtype() != tensor.Float32 {
		return fmt.Errorf("shape %v of %v; an image is 3×H×W float32", []int(s), img.Dtype())
	}
	p, err := m.planFor(s[1], s[2])
	if err != nil {
		return err
	}
	r.plan = p
	if n := p.Scratch(); len(r.scratch) < n {
		r.scratch = make([]float32, n)
	}
	return nil
}

// planFor is the preprocessing of sources of h×w pixels.
func (m *Model) planFor(h, w int) (*Plan, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.plans[[2]int{h, w}]; p != nil {
		return p, nil
	}
	p, err := m.plan(h, w)
	if err != nil {
		return nil, err
	}
	if oh, ow := p.OutSize(); oh != m.spec.ImageSize[0] || ow != m.spec.ImageSize[1] {
		return nil, fmt.Errorf("%d×%d pixels become %d×%d, but %s takes %d×%d", h, w, oh, ow, m.spec.Name, m.spec.ImageSize[0], m.spec.ImageSize[1])
	}
	m.plans[[2]int{h, w}] = p
	return p, nil
}

// Activation returns the value at tap i.
func (t *trace) Activation(i int) *tensor.Dense { return t.acts[i] }

// VJP returns the gradients at the source pixels; see [Trace].
func (t *trace) VJP(ctx context.Context, cotangents []*tensor.Dense) ([]*tensor.Dense, error) {
	if len(cotangents) != len(t.acts) {
		return nil, fmt.Errorf("encoder: %d cotangents for %d taps", len(cotangents), len(t.acts))
	}
	for i, c := range cotangents {
		if c != nil && !c.Shape().Eq(t.acts[i].Shape()) {
			return nil, fmt.Errorf("encoder: cotangent of shape %v for tap %q of shape %v", c.Shape(), t.prog.taps[i], t.acts[i].Shape())
		}
		t.prog.layouts[i].split(c, t.runs, t.prog.cots[i])
	}
	for b, img := range t.images {
		if g := t.grads[b]; g == nil || !g.Shape().Eq(img.Shape()) {
			t.grads[b] = tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(img.Shape()...))
		}
	}
	if err := t.each(ctx, backwardOne); err != nil {
		return nil, err
	}
	return t.grads, nil
}

func backwardOne(ctx context.Context, t *trace, b int) error {
	r := &t.runs[b]
	if err := r.state.Backward(ctx); err != nil {
		return err
	}
	r.plan.Adjoint(t.grads[b].Float32s(), r.state.Values(t.prog.grad), r.scratch)
	return nil
}

// each calls f for every image on up to GOMAXPROCS goroutines and returns the first error by index.
func (t *trace) each(ctx context.Context, f func(context.Context, *trace, int) error) error {
	return t.crew.run(ctx, t, f)
}

func parallel(n int, f func(i int) error) error {
	workers := min(n, runtime.GOMAXPROCS(0))
	errs := make([]error, n)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := w; i < n; i += workers {
				errs[i] = f(i)
			}
		}()
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
