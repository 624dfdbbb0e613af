package defense

import (
	"errors"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
	"github.com/plumbline-ml/plumbline/internal/kernel"
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
	out, total := src.like(), make([]float32, src.H*src.W)
	b.eachRun(src, func(p, q int, w []float32) { weighted(total, out, src, p, q, w) })
	for c := range 3 {
		for i, t := range total {
			out.plane(c)[i] /= t
		}
	}
	pull := func(dsrc, dout []float32) { b.pull(src, out, total, dsrc, dout) }
	return []View{{Picture: out, Pull: pull}}, nil
}

// pull: a weight depends on the squared distance of colours d as ∂w/∂d = −w/2σᵣ².
func (b Bilateral) pull(src, out Picture, total, dsrc, dout []float32) {
	m := newMeanGradient(src, out, total, dout)
	slope := make([]float32, src.W)
	inv := float32(-1 / (2 * b.Range * b.Range))
	b.eachRun(src, func(p, q int, w []float32) {
		s := slope[:len(w)]
		m.values(s, p, q, w)
		for i, f := range w {
			s[i] *= f * inv
		}
		m.differences(p, q, s)
	})
	kernel.AddTo(dsrc, m.grad.Pix)
}

// eachRun visits runs of pixels p with their partners q and the weights between them.
func (b Bilateral) eachRun(src Picture, visit func(p, q int, w []float32)) {
	buf := make([]float32, src.W)
	inv := float32(-1 / (2 * b.Range * b.Range))
	eachShift(b.K/2, func(dy, dx int) {
		space := float32(-float64(dy*dy+dx*dx) / (2 * b.Space * b.Space))
		eachRun(src.H, src.W, dy, dx, func(p, n int) {
			q, w := p+dy*src.W+dx, buf[:n]
			squaredDifference(w, src, p, q)
			for i, d := range w {
				w[i] = d*inv + space
			}
			exponentials(w)
			visit(p, q, w)
		})
	})
}
