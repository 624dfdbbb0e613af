package defense

import (
	"errors"
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
)

// Bilateral replaces every pixel by a mean of its K×K window, weighted by exp(−‖p−q‖²/2σₛ²)·exp(−‖I_p−I_q‖²/2σᵣ²), with
// the distance of colours over the three channels together; the window is cut at the border (Tomasi and Manduchi, ICCV
// 1998). Differentiable; its gradient includes that of the weights.
type Bilateral struct {
	K     int     // window side, odd, 3…31 pixels
	Space float64 // σₛ, pixels, 0.1…100
	Range float64 // σᵣ, distance of colours, 0.001…10
}

var _ = purifier("bilateral", "bilateral(k=5,space=1.5,range=0.1): edge-preserving blur (Tomasi and Manduchi 1998)",
	func(a *expr.Args) Purifier {
		return Bilateral{a.Integer("k", 5), a.Number("space", 1.5), a.Number("range", 0.1)}
	})

// Traits says: not random, gradient exact.
func (Bilateral) Traits() Traits { return Traits{Name: "bilateral", Surrogate: Exact} }

func (b Bilateral) String() string { return expr.Print("bilateral", b.K, b.Space, b.Range) }

// Validate reports a parameter out of range.
func (b Bilateral) Validate() error {
	return errors.Join(expr.Odd("bilateral", "k", b.K), expr.Outside("bilateral", "k", float64(b.K), 3, 31),
		expr.Outside("bilateral", "space", b.Space, 0.1, 100), expr.Outside("bilateral", "range", b.Range, 0.001, 10))
}

// Purify implements [Purifier].
func (b Bilateral) Purify(src Picture, _ *rand.Rand) ([]View, error) {
	out := src.like()
	total := make([]float64, src.H*src.W) // Σ of the weights of a pixel
	b.eachPixel(src, func(p int, q []int, w []float64) {
		var sum [3]float64
		for k, j := range q {
			total[p] += w[k]
			for c := range 3 {
				sum[c] += w[k] * float64(src.plane(c)[j])
			}
		}
		for c := range 3 {
			out.plane(c)[p] = float32(sum[c] / total[p])
		}
	})
	pull := func(dsrc, dout []float32) { b.pull(src, out, total, dsrc, dout) }
	return []View{{Picture: out, Pull: pull}}, nil
}

// pull differentiates out_p = Σ_q w I_q / Σ_q w, where ∂w/∂I_q = w (I_p−I_q)/σᵣ² = −∂w/∂I_p.
func (b Bilateral) pull(src, out Picture, total []float64, dsrc, dout []float32) {
	n := src.H * src.W
	inv := 1 / (b.Range * b.Range)
	grad := make([]float64, len(dsrc))
	b.eachPixel(src, func(p int, q []int, w []float64) {
		for k, j := range q {
			s := 0.0
			for c := range 3 {
				s += float64(dout[c*n+p]) * (float64(src.Pix[c*n+j]) - float64(out.Pix[c*n+p]))
			}
			share := w[k] / total[p]
			for c := range 3 {
				via := s * (float64(src.Pix[c*n+p]) - float64(src.Pix[c*n+j])) * inv
				grad[c*n+j] += share * (float64(dout[c*n+p]) + via)
				grad[c*n+p] -= share * via
			}
		}
	})
	addTo(dsrc, grad)
}

// eachPixel visits every pixel p with its window: the pixels q and their weights.
func (b Bilateral) eachPixel(src Picture, visit func(p int, q []int, w []float64)) {
	r, n := b.K/2, src.H*src.W
	near := make([]float64, r+1) // exp of the space term along one axis
	for d := range near {
		near[d] = math.Exp(-float64(d*d) / (2 * b.Space * b.Space))
	}
	inv := -1 / (2 * b.Range * b.Range)
	q, w := make([]int, 0, b.K*b.K), make([]float64, 0, b.K*b.K)
	for y := range src.H {
		for x := range src.W {
			p := y*src.W + x
			q, w = q[:0], w[:0]
			for v := max(0, y-r); v <= min(src.H-1, y+r); v++ {
				for u := max(0, x-r); u <= min(src.W-1, x+r); u++ {
					j, d2 := v*src.W+u, 0.0
					for c := range 3 {
						d := float64(src.Pix[c*n+p]) - float64(src.Pix[c*n+j])
						d2 += d * d
					}
					q = append(q, j)
					w = append(w, near[abs(v-y)]*near[abs(u-x)]*math.Exp(d2*inv))
				}
			}
			visit(p, q, w)
		}
	}
}

func abs(v int) int { return max(v, -v) }

// addTo adds a float64 gradient to a float32 one.
func addTo(dst []float32, g []float64) {
	for i, v := range g {
		dst[i] += float32(v)
	}
}
