package attack

import (
	"context"
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// surrogate is one encoder with the objective bound to it at one image. All its memory is reused from
// step to step.
type surrogate struct {
	job    *job
	enc    encoder.Encoder
	loss   Loss
	sizes  *sizes // for native resolution; nil to let the encoder preprocess
	taps   []encoder.Tap
	refs   []encoder.Tap
	source *tensor.Dense // the image the reference is taken of

	in       []*tensor.Dense // the image handed to the encoder, and its values
	pix      []float32
	act, cot []*tensor.Dense
	plain    []*tensor.Dense // reference activations of source itself
	warped   []*tensor.Dense // … and of its last random version
	current  bool            // the loss holds plain
	buf      []float32
	fallback bool // warned that sizes cannot serve
}

func newSurrogate(j *job, enc encoder.Encoder, o Objective) (*surrogate, error) {
	loss, err := o.Bind(enc.Spec(), j.task, j.index)
	if err != nil {
		return nil, err
	}
	s := &surrogate{job: j, enc: enc, loss: loss, source: j.clean, in: make([]*tensor.Dense, 1)}
	s.taps, s.refs = loss.Taps()
	s.act = make([]*tensor.Dense, len(s.taps))
	s.cot = make([]*tensor.Dense, len(s.taps))
	if t, ok := loss.(Targeted); ok {
		s.source = t.Target()
		if _, _, _, err := pixels(s.source); err != nil {
			return nil, fmt.Errorf("the target of %s: %w", j.out.Name, err)
		}
	}
	return s, nil
}

// fixReference takes the reference activations of the source image, once.
func (s *surrogate) fixReference(ctx context.Context, cost *Cost) error {
	if len(s.refs) == 0 {
		return nil
	}
	shape := s.source.Shape()
	var err error
	s.plain, err = s.reference(ctx, s.plain, floats(s.source), shape[1], shape[2], cost)
	return err
}

// usePlain makes the loss compare with the source as it is.
func (s *surrogate) usePlain() error {
	if s.current || len(s.refs) == 0 {
		return nil
	}
	s.current = true
	return s.loss.Reference(s.plain)
}

// warpReference makes the loss compare with the source put through the warp.
func (s *surrogate) warpReference(ctx context.Context, warp Warp, h, w int, cost *Cost) error {
	if len(s.refs) == 0 {
		return nil
	}
	y := s.scratch(3 * h * w)
	warp.Forward(y, floats(s.source))
	var err error
	if s.warped, err = s.reference(ctx, s.warped, y, h, w, cost); err != nil {
		return err
	}
	s.current = false
	return s.loss.Reference(s.warped)
}

// scratch returns n values of reused memory.
func (s *surrogate) scratch(n int) []float32 {
	if cap(s.buf) < n {
		s.buf = make([]float32, n)
	}
	return s.buf[:n]
}

// load puts an image into the input buffer and returns the encoder to run it on.
func (s *surrogate) load(x []float32, h, w int) (encoder.Encoder, int, int, error) {
	enc, hc, wc := s.enc, h, w
	if s.sizes != nil {
		e, hn, wn, err := s.sizes.get(h, w)
		if err == nil && hn <= h && wn <= w {
			enc, hc, wc = e, hn, wn
		} else if err != nil && !s.fallback {
			s.fallback = true
			s.job.warn("not at native resolution, the encoder's own preprocessing is used instead: %v", err)
		}
	}
	if s.in[0] == nil || s.in[0].Shape()[1] != hc || s.in[0].Shape()[2] != wc {
		s.in[0], s.pix = wrap(hc, wc)
	}
	crop(s.pix, x, h, w, hc, wc)
	return enc, hc, wc, nil
}

// reference returns copies of the reference activations of an image, reusing old ones.
func (s *surrogate) reference(ctx context.Context, old []*tensor.Dense, x []float32, h, w int, cost *Cost) ([]*tensor.Dense, error) {
	enc, _, _, err := s.load(x, h, w)
	if err != nil {
		return nil, err
	}
	tr, err := enc.Trace(ctx, s.in, s.refs...)
	if err != nil {
		return nil, err
	}
	defer tr.Close()
	cost.Forwards++
	if old == nil {
		old = make([]*tensor.Dense, len(s.refs))
	}
	for i := range s.refs {
		a := tr.Activation(i)
		old[i] = like(old[i], a)
		copy(floats(old[i]), floats(a))
	}
	return old, nil
}

// eval returns the loss at an image and, with g, writes its gradient there.
func (s *surrogate) eval(ctx context.Context, x []float32, h, w int, g []float32, cost *Cost) (float64, error) {
	enc, hc, wc, err := s.load(x, h, w)
	if err != nil {
		return 0, err
	}
	tr, err := enc.Trace(ctx, s.in, s.taps...)
	if err != nil {
		return 0, err
	}
	defer tr.Close()
	cost.Forwards++
	for i := range s.taps {
		s.act[i] = tr.Activation(i)
	}
	if g == nil {
		return s.loss.Eval(s.act, nil)
	}
	for i := range s.taps {
		s.cot[i] = like(s.cot[i], s.act[i])
	}
	v, err := s.loss.Eval(s.act, s.cot)
	if err != nil {
		return 0, err
	}
	grads, err := tr.VJP(ctx, s.cot)
	if err != nil {
		return 0, err
	}
	cost.Backwards++
	uncrop(g, floats(grads[0]), h, w, hc, wc)
	return v, nil
}

// like returns old if it has a's shape, or a new tensor that has.
func like(old, a *tensor.Dense) *tensor.Dense {
	if old != nil && old.Shape().Eq(a.Shape()) {
		return old
	}
	return tensor.New(tensor.WithShape(a.Shape()...), tensor.Of(tensor.Float32))
}

// crop copies the top-left hc×wc part of a 3×h×w image.
func crop(dst, src []float32, h, w, hc, wc int) {
	if h == hc && w == wc {
		copy(dst, src)
		return
	}
	for c := range 3 {
		for y := range hc {
			copy(dst[(c*hc+y)*wc:][:wc], src[(c*h+y)*w:])
		}
	}
}

// uncrop is crop's adjoint: zero outside the part.
func uncrop(dst, src []float32, h, w, hc, wc int) {
	if h == hc && w == wc {
		copy(dst, src)
		return
	}
	zero(dst[:3*h*w])
	for c := range 3 {
		for y := range hc {
			copy(dst[(c*h+y)*w:][:wc], src[(c*hc+y)*wc:][:wc])
		}
	}
}
