package defense

import (
	"context"
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// viewer makes the views of a batch of pictures for the encoder inner. Views of image i depend on image i only.
type viewer func(ctx context.Context, inner encoder.Encoder, src []Picture, s Stream) ([][]View, error)

// Drawer is implemented by every encoder that Wrap returned: Draw is the same encoder with the i-th independent draw of
// its random defences.
type Drawer interface {
	encoder.Encoder
	Draw(i uint64) encoder.Encoder
}

// wrapped is an encoder that sees views of its images.
type wrapped struct {
	inner  encoder.Encoder
	stream Stream
	name   string
	views  viewer
	climbs bool // views follow gradients of inner
}

var (
	_ Drawer          = (*wrapped)(nil)
	_ encoder.Resizer = (*wrapped)(nil)
)

func newWrapped(e encoder.Encoder, s Stream, name string, v viewer) encoder.Encoder {
	return &wrapped{inner: e, stream: s, name: name, views: v}
}

// newDynamic is newWrapped for views that follow gradients of the encoder inside.
func newDynamic(e encoder.Encoder, s Stream, name string, v viewer) encoder.Encoder {
	return &wrapped{inner: e, stream: s, name: name, views: v, climbs: true}
}

// Dynamic reports whether looking at an image runs an optimisation, here or in an encoder inside.
func (w *wrapped) Dynamic() bool { return w.climbs || dynamic(w.inner) }

// dynamic is Dynamic of an encoder that has it.
func dynamic(e encoder.Encoder) bool {
	d, ok := e.(interface{ Dynamic() bool })
	return ok && d.Dynamic()
}

func (w *wrapped) Spec() encoder.Spec {
	s := w.inner.Spec()
	s.Name += " behind " + w.name
	return s
}

func (w *wrapped) Draw(i uint64) encoder.Encoder {
	c := *w
	c.stream.Draw = i
	c.inner = drawOf(w.inner, i)
	return &c
}

// drawOf returns draw i of e, or e itself where nothing is random.
func drawOf(e encoder.Encoder, i uint64) encoder.Encoder {
	if d, ok := e.(Drawer); ok {
		return d.Draw(i)
	}
	return e
}

// AtSize resizes the encoder inside; a defence that changes the picture's size then makes Trace fail.
func (w *wrapped) AtSize(h, width int) (encoder.Encoder, error) {
	inner, err := encoder.AtSize(w.inner, h, width)
	if err != nil {
		return nil, err
	}
	c := *w
	c.inner = inner
	return &c, nil
}

func (w *wrapped) Trace(ctx context.Context, images []*tensor.Dense, taps ...encoder.Tap) (encoder.Trace, error) {
	src, err := pictures(images)
	if err != nil {
		return nil, err
	}
	for i, p := range src { // gradients are taken at these values even if the caller changes his
		src[i].Pix = slices.Clone(p.Pix)
	}
	views, err := w.views(ctx, w.inner, src, w.stream)
	if err != nil {
		return nil, err
	}
	flat := make([]*tensor.Dense, 0, len(images))
	for i, vs := range views {
		if len(vs) == 0 {
			return nil, fmt.Errorf("defense: %s: image %d: no view", w.name, i)
		}
		for _, v := range vs {
			flat = append(flat, v.Tensor())
		}
	}
	inner, err := w.inner.Trace(ctx, flat, taps...)
	if err != nil {
		return nil, fmt.Errorf("defense: behind %s: %w", w.name, err)
	}
	t := &wrappedTrace{inner: inner, src: src, views: views, taps: len(taps), flat: len(flat)}
	return t, nil
}
