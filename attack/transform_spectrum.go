package attack

import (
	"fmt"
	"math/rand/v2"
)

var _ = transforms.add("ssa", "noise and random scaling in the DCT domain; use with copies=20 (SSA, arXiv 2207.05382)", func(a *Args) Transform {
	return Spectrum{a.Float("sigma", 16.0/255, 0, 1), a.Float("rho", 0.5, 0, 1)}
})

// Spectrum is spectrum simulation (Long et al., arXiv 2207.05382, eq. 6): Gaussian noise of standard
// deviation Sigma is added, and every coefficient of the two-dimensional cosine transform of each channel
// is multiplied by U(1−Rho, 1+Rho).
type Spectrum struct{ Sigma, Rho float64 }

func (t Spectrum) String() string {
	return fmt.Sprintf("ssa(sigma=%s,rho=%s)", num(t.Sigma), num(t.Rho))
}

// New implements Transform.
func (t Spectrum) New(h, w int, _ *Task) Warp {
	buf := func() []float32 { return make([]float32, 3*h*w) }
	s := &spectrum{Spectrum: t, h: h, w: w, wide: newCosine(w), noise: buf(), mask: buf(), x: buf(), y: buf()}
	s.high = s.wide
	if h != w {
		s.high = newCosine(h)
	}
	return s
}

type spectrum struct {
	Spectrum
	h, w              int
	wide, high        *cosineTransform // along rows and along columns
	noise, mask, x, y []float32
}

func (s *spectrum) Draw(rng *rand.Rand, _ int) (h, w int) {
	for i := range s.noise {
		s.noise[i] = float32(s.Sigma * rng.NormFloat64())
		s.mask[i] = float32(1 + s.Rho*uniform(rng))
	}
	return s.h, s.w
}

func (s *spectrum) Forward(dst, src []float32) {
	for i, v := range src {
		s.x[i] = v + s.noise[i]
	}
	s.filter(dst)
}

// Adjoint filters the gradient in the same way: the transform is orthogonal, so that multiplying its
// coefficients is symmetric.
func (s *spectrum) Adjoint(dst, g []float32) {
	copy(s.x, g)
	s.filter(dst)
}

// filter multiplies the coefficients of x by the mask.
func (s *spectrum) filter(dst []float32) {
	plane := s.h * s.w
	s.wide.rows(s.y, s.x, 3*s.h, false)
	for c := 0; c < len(s.x); c += plane {
		s.high.columns(s.x[c:][:plane], s.y[c:][:plane], s.w, false)
	}
	for i, m := range s.mask {
		s.x[i] *= m
	}
	for c := 0; c < len(s.x); c += plane {
		s.high.columns(s.y[c:][:plane], s.x[c:][:plane], s.w, true)
	}
	s.wide.rows(dst, s.y, 3*s.h, true)
}
