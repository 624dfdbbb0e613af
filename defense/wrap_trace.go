package defense

import (
	"context"
	"fmt"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// wrappedTrace is a trace of all views; activations and gradients are means and sums over the views of an image.
type wrappedTrace struct {
	inner encoder.Trace
	src   []Picture
	views [][]View
	taps  int
	flat  int // views in all
	mean  []*tensor.Dense
	grads []*tensor.Dense
}

func (t *wrappedTrace) single() bool { return t.flat == len(t.src) }

func (t *wrappedTrace) Activation(i int) *tensor.Dense {
	a := t.inner.Activation(i)
	if t.single() {
		return a
	}
	if t.mean == nil {
		t.mean = make([]*tensor.Dense, t.taps)
	}
	if t.mean[i] == nil {
		t.mean[i] = t.average(a)
	}
	return t.mean[i]
}

// average returns the mean of a's rows over the views of each image.
func (t *wrappedTrace) average(a *tensor.Dense) *tensor.Dense {
	shape := a.Shape().Clone()
	shape[0] = len(t.src)
	in := a.Data().([]float32)
	row := len(in) / t.flat
	out := make([]float32, row*len(t.src))
	sum := make([]float64, row)
	next := 0
	for b, vs := range t.views {
		clear(sum)
		for range vs {
			for k, v := range in[next*row : (next+1)*row] {
				sum[k] += float64(v)
			}
			next++
		}
		for k, v := range sum {
			out[b*row+k] = float32(v / float64(len(vs)))
		}
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(out))
}

// spread gives every view its share of its image's cotangent.
func (t *wrappedTrace) spread(c *tensor.Dense) (*tensor.Dense, error) {
	in, ok := c.Data().([]float32)
	if !ok || c.Shape()[0] != len(t.src) {
		return nil, fmt.Errorf("defense: cotangent of shape %v for %d images", c.Shape(), len(t.src))
	}
	shape := c.Shape().Clone()
	shape[0] = t.flat
	row := len(in) / len(t.src)
	out := make([]float32, 0, row*t.flat)
	for b, vs := range t.views {
		for range vs {
			for _, v := range in[b*row : (b+1)*row] {
				out = append(out, v/float32(len(vs)))
			}
		}
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(out)), nil
}

func (t *wrappedTrace) VJP(ctx context.Context, cotangents []*tensor.Dense) ([]*tensor.Dense, error) {
	cots := cotangents
	if !t.single() {
		cots = make([]*tensor.Dense, len(cotangents))
		for i, c := range cotangents {
			if c == nil {
				continue
			}
			var err error
			if cots[i], err = t.spread(c); err != nil {
				return nil, err
			}
		}
	}
	flat, err := t.inner.VJP(ctx, cots)
	if err != nil {
		return nil, err
	}
	return t.pull(ctx, flat)
}

// pull carries gradients at the views back to the source pixels.
func (t *wrappedTrace) pull(ctx context.Context, flat []*tensor.Dense) ([]*tensor.Dense, error) {
	if t.grads == nil {
		t.grads = make([]*tensor.Dense, len(t.src))
		for b, p := range t.src {
			t.grads[b] = NewPicture(p.H, p.W).Tensor()
		}
	}
	first := make([]int, len(t.src))
	for b := 1; b < len(first); b++ {
		first[b] = first[b-1] + len(t.views[b-1])
	}
	err := parallel(ctx, len(t.src), func(b int) error {
		g := t.grads[b].Data().([]float32)
		clear(g)
		for k, v := range t.views[b] {
			v.pull(g, flat[first[b]+k].Data().([]float32))
		}
		return nil
	})
	return t.grads, err
}

func (t *wrappedTrace) Close() { t.inner.Close() }
