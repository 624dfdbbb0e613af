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
	lo := -(m.K / 2)
	values, index := make([]float32, m.K*m.K), make([]int32, m.K*m.K)
	mid := (m.K*m.K - 1) / 2
	for y := range h {
		for x := range w {
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
