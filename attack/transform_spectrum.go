package attack

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/dsp/fourier"
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
	n := 3 * h * w
	return &spectrum{Spectrum: t, h: h, w: w, rows: newCosine(w), cols: newCosine(h),
		noise: make([]float64, n), mask: make([]float64, n), x: make([]float64, n)}
}

type spectrum struct {
	Spectrum
	h, w           int
	rows, cols     *cosineTransform
	noise, mask, x []float64
}

func (s *spectrum) Draw(rng *rand.Rand, _ int) (h, w int) {
	for i := range s.noise {
		s.noise[i] = s.Sigma * rng.NormFloat64()
		s.mask[i] = 1 + s.Rho*uniform(rng)
	}
	return s.h, s.w
}

func (s *spectrum) Forward(dst, src []float32) {
	for i, v := range src {
		s.x[i] = float64(v) + s.noise[i]
	}
	s.filter(dst)
}

// Adjoint filters the gradient in the same way: the transform is orthogonal up to a scale of its
// coefficients, so that multiplying them is symmetric.
func (s *spectrum) Adjoint(dst, g []float32) {
	for i, v := range g[:len(s.x)] {
		s.x[i] = float64(v)
	}
	s.filter(dst)
}

// filter multiplies the coefficients of x by the mask.
func (s *spectrum) filter(dst []float32) {
	s.both((*cosineTransform).forward)
	for i, m := range s.mask {
		s.x[i] *= m
	}
	s.both((*cosineTransform).inverse)
	for i, v := range s.x {
		dst[i] = float32(v)
	}
}

// both applies a transform along rows and columns of every channel.
func (s *spectrum) both(f func(t *cosineTransform, x []float64, step int)) {
	for r := range 3 * s.h {
		f(s.rows, s.x[r*s.w:], 1)
	}
	for c := range 3 {
		for x := range s.w {
			f(s.cols, s.x[c*s.h*s.w+x:], s.w)
		}
	}
}

// cosineTransform is the cosine transform of type II and its inverse.
type cosineTransform struct {
	n   int
	fft *fourier.QuarterWaveFFT
	buf []float64
}

func newCosine(n int) *cosineTransform {
	return &cosineTransform{n, fourier.NewQuarterWaveFFT(n), make([]float64, n)}
}

func (t *cosineTransform) forward(x []float64, step int) { t.apply(x, step, t.fft.CosSequence, 1) }

// inverse undoes forward; the pair of gonum's transforms scales by 4n.
func (t *cosineTransform) inverse(x []float64, step int) {
	t.apply(x, step, t.fft.CosCoefficients, 1/float64(4*t.n))
}

func (t *cosineTransform) apply(x []float64, step int, f func(dst, src []float64) []float64, scale float64) {
	for i := range t.buf {
		t.buf[i] = x[i*step]
	}
	f(t.buf, t.buf)
	for i, v := range t.buf {
		x[i*step] = scale * v
	}
}

// cosineBasis is the value at i of the k-th function of the orthonormal cosine basis on n points.
func cosineBasis(n, k, i int) float64 {
	if k == 0 {
		return 1 / math.Sqrt(float64(n))
	}
	return math.Sqrt(2/float64(n)) * math.Cos(math.Pi*float64(k)*(float64(i)+0.5)/float64(n))
}
