package defense

import (
	"fmt"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
)

// Median replaces every value by the median of its K×K window in the same channel, edges repeated (feature squeezing:
// Xu, Evans, Qi, arXiv 1704.01155 §III-B). For even K the window reaches one further up and left and the lower median
// is taken. The derivative is one at the sample chosen.
type Median struct {
	K int // window side, 2…9 pixels
}

var _ = purifier("median", "median(k=3): median of k×k windows (arXiv 1704.01155)",
	func(a *expr.Args) Purifier { return Median{a.Integer("k", 3)} })

// Traits says: not random, gradient exact.
func (Median) Traits() Traits { return Traits{Name: "median", Surrogate: Exact} }

func (m Median) String() string { return expr.Print("median", m.K) }

// Validate reports a parameter out of range.
func (m Median) Validate() error { return expr.Outside("median", "k", float64(m.K), 2, 9) }

// Purify implements [Purifier].
func (m Median) Purify(src Picture, _ *rand.Rand) ([]View, error) {
	if src.H > 1<<15 || src.W > 1<<15 {
		return nil, fmt.Errorf("an image of %d×%d is too large", src.H, src.W)
	}
	out := src.like()
	chosen := make([]int32, len(src.Pix)) // index of the sample that became the median
	for c := range 3 {
		n := src.H * src.W
		m.plane(out.plane(c), chosen[c*n:(c+1)*n], src.plane(c), src.H, src.W)
	}
	return []View{{Picture: out, Pull: func(dsrc, dout []float32) {
		n := src.H * src.W
		for i, g := range dout {
			dsrc[i/n*n+int(chosen[i])] += g
		}
	}}}, nil
}

// plane filters one channel. Each window is gathered in raster order and insertion-sorted, ties in that order, so that
// the sample chosen is well defined.
func (m Median) plane(dst []float32, chosen []int32, src []float32, h, w int) {
	if m.K == 3 {
		for y := 1; y < h-1; y++ {
			for x := 1; x < w-1; x++ {
				i := y*w + x
				dst[i], chosen[i] = median9(src, i, w)
			}
		}
	}
	lo := -(m.K / 2)
	values, index := make([]float32, m.K*m.K), make([]int32, m.K*m.K)
	mid := (m.K*m.K - 1) / 2
	for y := range h {
		for x := range w {
			if m.K == 3 && y > 0 && y < h-1 && x > 0 && x < w-1 {
				continue // done above
			}
			n := 0
			for dy := lo; dy < lo+m.K; dy++ {
				row := min(max(y+dy, 0), h-1) * w
				for dx := lo; dx < lo+m.K; dx++ {
					i := row + min(max(x+dx, 0), w-1)
					v := src[i]
					k := n
					for ; k > 0 && values[k-1] > v; k-- {
						values[k], index[k] = values[k-1], index[k-1]
					}
					values[k], index[k] = v, int32(i)
					n++
				}
			}
			dst[y*w+x], chosen[y*w+x] = values[mid], index[mid]
		}
	}
}

// median9 returns the median of the 3×3 window around pixel i of rows w wide, which
// is that of the largest minimum, the median median and the smallest maximum of its rows, and the first sample of the window
// that has this value.
func median9(src []float32, i, w int) (float32, int32) {
	r0, r1, r2 := src[i-w-1:][:3], src[i-1:][:3], src[i+w-1:][:3]
	a0, a1, a2 := sort3(r0[0], r0[1], r0[2])
	b0, b1, b2 := sort3(r1[0], r1[1], r1[2])
	c0, c1, c2 := sort3(r2[0], r2[1], r2[2])
	low := max(a0, b0, c0)
	high := min(a2, b2, c2)
	_, mid, _ := sort3(a1, b1, c1)
	_, v, _ := sort3(low, mid, high)
	for k := range 3 {
		if r0[k] == v {
			return v, int32(i - w - 1 + k)
		}
	}
	for k := range 3 {
		if r1[k] == v {
			return v, int32(i - 1 + k)
		}
	}
	for k := range 3 {
		if r2[k] == v {
			return v, int32(i + w - 1 + k)
		}
	}
	return v, int32(i) // only where a sample is no number
}

func sort3(a, b, c float32) (lo, mid, hi float32) {
	lo, hi = min(a, b), max(a, b)
	return min(lo, c), max(lo, min(hi, c)), max(hi, c)
}
