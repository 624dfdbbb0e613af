package attack

import (
	"fmt"
	"math/rand/v2"
)

var _ = transforms.add("rescale", "random bicubic rescale of the whole image, as PRM's released code does (arXiv 2403.12693)",
	func(a *Args) Transform {
		return Rescale{a.Float("lo", 0.5, 0.01, 4), a.Float("hi", 1, 0.01, 4)}
	})

// Rescale resizes the image by a random ratio from U(Lo, Hi), sizes truncated to whole pixels, with
// PyTorch's bicubic interpolation (see resampler). Values may overshoot [0,1] slightly, as they do there.
type Rescale struct{ Lo, Hi float64 }

func (t Rescale) String() string { return fmt.Sprintf("rescale(lo=%s,hi=%s)", num(t.Lo), num(t.Hi)) }

// New implements Transform.
func (t Rescale) New(h, w int, _ *Task) Warp { return &rescale{Rescale: t, h: h, w: w} }

type rescale struct {
	Rescale
	h, w int
	r    resampler
}

func (s *rescale) Draw(rng *rand.Rand, _ int) (h, w int) {
	ratio := s.Lo + (s.Hi-s.Lo)*rng.Float64()
	h, w = max(int(ratio*float64(s.h)), 1), max(int(ratio*float64(s.w)), 1)
	s.r.set(s.h, s.w, h, w)
	return h, w
}

func (s *rescale) Forward(dst, src []float32) { s.r.forward(dst, src) }
func (s *rescale) Adjoint(dst, g []float32)   { s.r.adjoint(dst, g) }
