package defense

import "math"

// waveletPlane holds samples or, after forward, coefficients: the coarse band in the corner, details around it.
type waveletPlane struct {
	h, w, levels int // h and w are multiples of 2^levels
	srcH, srcW   int
	v            []float64
	line         []float64
}

func newWaveletPlane(h, w, levels int) *waveletPlane {
	m := 1<<levels - 1
	t := &waveletPlane{h: (h + m) &^ m, w: (w + m) &^ m, levels: levels, srcH: h, srcW: w}
	t.v, t.line = make([]float64, t.h*t.w), make([]float64, max(t.h, t.w))
	return t
}

// load copies a plane of srcH×srcW, edges repeated.
func (t *waveletPlane) load(src []float32) {
	for y := range t.h {
		for x := range t.w {
			t.v[y*t.w+x] = float64(src[min(y, t.srcH-1)*t.srcW+min(x, t.srcW-1)])
		}
	}
}

// lowpass is Daubechies's orthonormal filter with two vanishing moments; the high-pass is its mirror.
var lowpass = func() [4]float64 {
	s, d := math.Sqrt(3), 4*math.Sqrt2
	return [4]float64{(1 + s) / d, (3 + s) / d, (3 - s) / d, (1 - s) / d}
}()

func (t *waveletPlane) forward() {
	h, w := t.h, t.w
	for range t.levels {
		for y := range h {
			t.analyse(y*t.w, 1, w)
		}
		for x := range w {
			t.analyse(x, t.w, h)
		}
		h, w = h/2, w/2
	}
}

func (t *waveletPlane) inverse() {
	for l := t.levels - 1; l >= 0; l-- {
		h, w := t.h>>l, t.w>>l
		for x := range w {
			t.synthesise(x, t.w, h)
		}
		for y := range h {
			t.synthesise(y*t.w, 1, w)
		}
	}
}

// analyse splits a periodic line of n samples into n/2 coarse values and n/2 details.
func (t *waveletPlane) analyse(base, stride, n int) {
	for k := range n / 2 {
		low, high := 0.0, 0.0
		for j, f := range lowpass {
			low += f * t.v[base+(2*k+j)%n*stride]
			high += mirror(j) * t.v[base+(2*k+j)%n*stride]
		}
		t.line[k], t.line[n/2+k] = low, high
	}
	for k := range n {
		t.v[base+k*stride] = t.line[k]
	}
}

// synthesise is the transpose, and so the inverse, of analyse.
func (t *waveletPlane) synthesise(base, stride, n int) {
	clear(t.line[:n])
	for k := range n / 2 {
		low, high := t.v[base+k*stride], t.v[base+(n/2+k)*stride]
		for j, f := range lowpass {
			t.line[(2*k+j)%n] += f*low + mirror(j)*high
		}
	}
	for k := range n {
		t.v[base+k*stride] = t.line[k]
	}
}

// mirror returns tap j of the high-pass filter, (−1)ʲ·lowpass[3−j].
func mirror(j int) float64 {
	if j%2 == 1 {
		return -lowpass[3-j]
	}
	return lowpass[3-j]
}
