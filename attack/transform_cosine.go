package attack

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// cosineMatrix is the longest side that is transformed by multiplying with the matrix of cosines. At a few
// hundred points that takes a fraction of the time of a Fourier transform; far beyond, it is the other way round.
const cosineMatrix = 768

// cosineTransform is the orthonormal cosine transform of type II on n points, and its inverse.
type cosineTransform struct {
	n       int
	basis   []float32 // row k is the k-th cosine; nil beyond cosineMatrix
	scratch []float32
	fft     *fourier.QuarterWaveFFT
	buf     []float64
}

func newCosine(n int) *cosineTransform {
	t := &cosineTransform{n: n}
	if n > cosineMatrix {
		t.fft, t.buf = fourier.NewQuarterWaveFFT(n), make([]float64, n)
		return t
	}
	t.basis = make([]float32, n*n)
	for k := range n {
		for i := range n {
			t.basis[k*n+i] = float32(cosineBasis(n, k, i))
		}
	}
	return t
}

// rows transforms each of the m rows of x, m×n, into dst.
func (t *cosineTransform) rows(dst, x []float32, m int, inverse bool) {
	if t.basis == nil {
		for r := range m {
			t.fourier(dst[r*t.n:], x[r*t.n:], 1, inverse)
		}
		return
	}
	t.reserve(kernel.GemmScratch(m, t.n, t.n))
	kernel.Gemm(dst, t.n, false, x, t.n, !inverse, t.basis, t.n, m, t.n, t.n, 1, false, t.scratch)
}

// columns transforms each of the m columns of x, n×m, into dst.
func (t *cosineTransform) columns(dst, x []float32, m int, inverse bool) {
	if t.basis == nil {
		for c := range m {
			t.fourier(dst[c:], x[c:], m, inverse)
		}
		return
	}
	t.reserve(kernel.GemmScratch(t.n, m, t.n))
	kernel.Gemm(dst, m, inverse, t.basis, t.n, false, x, m, t.n, m, t.n, 1, false, t.scratch)
}

func (t *cosineTransform) reserve(n int) {
	if len(t.scratch) < n {
		t.scratch = make([]float32, n)
	}
}

// fourier transforms n values that lie step apart. gonum's transform is 4·Σ x cos, its inverse that of
// 4n times it.
func (t *cosineTransform) fourier(dst, x []float32, step int, inverse bool) {
	n := float64(t.n)
	first, others := 4*math.Sqrt(n), 4*math.Sqrt(n/2) // of the orthonormal coefficients
	for i := range t.buf {
		t.buf[i] = float64(x[i*step])
	}
	if inverse {
		t.buf[0] *= first
		for k := 1; k < t.n; k++ {
			t.buf[k] *= others
		}
		t.fft.CosCoefficients(t.buf, t.buf)
		for i, v := range t.buf {
			dst[i*step] = float32(v / (4 * n))
		}
		return
	}
	t.fft.CosSequence(t.buf, t.buf)
	dst[0] = float32(t.buf[0] / first)
	for k := 1; k < t.n; k++ {
		dst[k*step] = float32(t.buf[k] / others)
	}
}

// cosineBasis is the value at i of the k-th function of the orthonormal cosine basis on n points.
func cosineBasis(n, k, i int) float64 {
	if k == 0 {
		return 1 / math.Sqrt(float64(n))
	}
	return math.Sqrt(2/float64(n)) * math.Cos(math.Pi*float64(k)*(float64(i)+0.5)/float64(n))
}
