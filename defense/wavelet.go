package defense

import (
	"math"
	"math/rand/v2"
	"sort"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
)

// Wavelet shrinks the detail coefficients of an orthonormal Daubechies-2 transform softly, by BayesShrink's threshold
// t = σ²/σ_x for each band and channel: σ is the median magnitude of the finest diagonal band over 0.6745, σ_x² =
// max(mean square of the band − σ², 0); a band with σ_x = 0 is cleared (Chang, Yu, Vetterli, IEEE TIP 2000). Borders are
// periodic after the edges were repeated to a multiple of 2^Levels. Its gradient includes that of the thresholds.
type Wavelet struct {
	Levels int // 1…6
}

var _ = purifier("wavelet", "wavelet(levels=3): BayesShrink on Daubechies-2 wavelets (Chang et al. 2000)",
	func(a *expr.Args) Purifier { return Wavelet{a.Integer("levels", 3)} })

// Traits says: not random, gradient exact.
func (Wavelet) Traits() Traits { return Traits{Name: "wavelet", Surrogate: Exact} }

func (v Wavelet) String() string { return expr.Print("wavelet", v.Levels) }

// Validate reports a parameter out of range.
func (v Wavelet) Validate() error { return expr.Outside("wavelet", "levels", float64(v.Levels), 1, 6) }

// Purify implements [Purifier].
func (v Wavelet) Purify(src Picture, _ *rand.Rand) ([]View, error) {
	out := src.like()
	for c := range 3 {
		t := newWaveletPlane(src.H, src.W, v.Levels)
		t.load(src.plane(c))
		t.forward()
		t.shrink()
		t.inverse()
		for y := range src.H {
			for x := range src.W {
				out.plane(c)[y*src.W+x] = float32(t.v[y*t.w+x])
			}
		}
	}
	pull := func(dsrc, dout []float32) {
		n := src.H * src.W
		for c := range 3 {
			v.pullPlane(src, c, dsrc[c*n:(c+1)*n], dout[c*n:(c+1)*n])
		}
	}
	return []View{{Picture: out, Pull: pull}}, nil
}

func (v Wavelet) pullPlane(src Picture, c int, dsrc, dout []float32) {
	at, g := newWaveletPlane(src.H, src.W, v.Levels), newWaveletPlane(src.H, src.W, v.Levels)
	at.load(src.plane(c))
	at.forward()
	for y := range src.H {
		for x := range src.W {
			g.v[y*g.w+x] = float64(dout[y*src.W+x])
		}
	}
	g.forward() // the transpose of the inverse of an orthonormal transform
	at.shrinkAdjoint(g.v)
	g.inverse()
	for y := range g.h {
		for x := range g.w {
			dsrc[min(y, src.H-1)*src.W+min(x, src.W-1)] += float32(g.v[y*g.w+x])
		}
	}
}

// band is a rectangle of coefficients.
type band struct{ y0, x0, h, w int }

// bands returns the detail bands, finest first, the diagonal one of each level last.
func (t *waveletPlane) bands() []band {
	var out []band
	h, w := t.h, t.w
	for range t.levels {
		h, w = h/2, w/2
		out = append(out, band{0, w, h, w}, band{h, 0, h, w}, band{h, w, h, w})
	}
	return out
}

func (t *waveletPlane) each(b band, visit func(i int)) {
	for y := b.y0; y < b.y0+b.h; y++ {
		for x := b.x0; x < b.x0+b.w; x++ {
			visit(y*t.w + x)
		}
	}
}

// noise returns the variance σ² estimated from the finest diagonal band and the coefficients (one or two) that are
// its median.
func (t *waveletPlane) noise() (variance float64, middle []int) {
	var index []int
	t.each(t.bands()[2], func(i int) { index = append(index, i) })
	sort.SliceStable(index, func(a, b int) bool { return math.Abs(t.v[index[a]]) < math.Abs(t.v[index[b]]) })
	middle = index[(len(index)-1)/2 : len(index)/2+1]
	m := 0.0
	for _, i := range middle {
		m += math.Abs(t.v[i]) / float64(len(middle))
	}
	sigma := m / 0.6745
	return sigma * sigma, middle
}

// threshold returns σ²/σ_x of a band and its mean square; +Inf clears the band.
func (t *waveletPlane) threshold(b band, noise float64) (limit, square float64) {
	t.each(b, func(i int) { square += t.v[i] * t.v[i] })
	square /= float64(b.h * b.w)
	if noise == 0 {
		return 0, square
	}
	if square <= noise {
		return math.Inf(1), square
	}
	return noise / math.Sqrt(square-noise), square
}

func (t *waveletPlane) shrink() {
	noise, _ := t.noise()
	for _, b := range t.bands() {
		limit, _ := t.threshold(b, noise)
		t.each(b, func(i int) {
			t.v[i] = math.Copysign(max(math.Abs(t.v[i])-limit, 0), t.v[i])
		})
	}
}

// shrinkAdjoint replaces g, the gradient after shrinking, by that before it; t holds the coefficients before. With m the
// band's mean square, t = σ²(m−σ²)^−½ has ∂t/∂m = −½σ²(m−σ²)^−3/2 and ∂t/∂σ² = (m−σ²)^−½ − ∂t/∂m.
func (t *waveletPlane) shrinkAdjoint(g []float64) {
	noise, middle := t.noise()
	atNoise := 0.0
	for _, b := range t.bands() {
		limit, square := t.threshold(b, noise)
		atLimit := 0.0
		t.each(b, func(i int) {
			if math.Abs(t.v[i]) <= limit {
				g[i] = 0
				return
			}
			atLimit -= math.Copysign(g[i], g[i]*t.v[i])
		})
		if noise == 0 || math.IsInf(limit, 1) {
			continue
		}
		root := 1 / math.Sqrt(square-noise)
		bySquare := -noise * root * root * root / 2
		t.each(b, func(i int) { g[i] += atLimit * bySquare * 2 * t.v[i] / float64(b.h*b.w) })
		atNoise += atLimit * (root - bySquare)
	}
	sigma := math.Sqrt(noise)
	for _, i := range middle {
		g[i] += atNoise * 2 * sigma / 0.6745 * math.Copysign(1, t.v[i]) / float64(len(middle))
	}
}
