package defense

import (
	"errors"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
)

// TV removes variation: per channel it minimises TV(u) + ‖u−g‖²/(2λ) (Rudin, Osher, Fatemi 1992) by Chambolle's dual
// iteration p ← (p + τ∇(div p − g/λ)) / (1 + τ|∇(div p − g/λ)|) from p = 0, u = g − λ div p, with τ = 1/4 and forward
// differences (Chambolle, "An algorithm for total variation minimization and applications", JMIV 2004). Its gradient is
// that of the iterations themselves.
type TV struct {
	Lambda float64 // weight λ on the [0,1] scale, 0.001…10; larger removes more
	Steps  int     // iterations, 1…1000
}

var _ = purifier("tv", "tv(lambda=0.1,steps=30): total variation by Chambolle's iteration (arXiv 1711.00117)",
	func(a *expr.Args) Purifier { return TV{a.Number("lambda", 0.1), a.Integer("steps", 30)} })

// Traits says: not random, gradient exact.
func (TV) Traits() Traits { return Traits{Name: "tv", Surrogate: Exact} }

func (t TV) String() string { return expr.Print("tv", t.Lambda, t.Steps) }

// Validate reports a parameter out of range.
func (t TV) Validate() error {
	return errors.Join(expr.Outside("tv", "lambda", t.Lambda, 0.001, 10), expr.Outside("tv", "steps", float64(t.Steps), 1, 1000))
}

// Purify implements [Purifier].
func (t TV) Purify(src Picture, _ *rand.Rand) ([]View, error) {
	out := src.like()
	for c := range 3 {
		d := newDual(src.H, src.W, t.Lambda, src.plane(c))
		for range t.Steps {
			d.step()
		}
		d.primal(out.plane(c))
	}
	pull := func(dsrc, dout []float32) {
		n := src.H * src.W
		for c := range 3 {
			t.pullPlane(src, c, dsrc[c*n:(c+1)*n], dout[c*n:(c+1)*n])
		}
	}
	return []View{{Picture: out, Pull: pull}}, nil
}

// pullPlane runs the iterations backward, recomputed segment by segment from checkpoints so that memory grows with
// the square root of the number of steps.
func (t TV) pullPlane(src Picture, c int, dsrc, dout []float32) {
	d := newDual(src.H, src.W, t.Lambda, src.plane(c))
	every := 1
	for every*every < t.Steps {
		every++
	}
	checkpoints := make([][]float64, (t.Steps+every-1)/every)
	for k := range t.Steps {
		if k%every == 0 {
			checkpoints[k/every] = d.saveP(nil)
		}
		d.step()
	}
	b := newDualAdjoint(d, dout)
	states := make([][]float64, every)
	for s := len(checkpoints) - 1; s >= 0; s-- {
		d.setP(checkpoints[s])
		n := min(every, t.Steps-s*every)
		for k := range n {
			states[k] = d.saveP(states[k])
			d.step()
		}
		px, py := d.px, d.py
		for k := n - 1; k >= 0; k-- {
			d.px, d.py = states[k][:len(px)], states[k][len(px):]
			b.back()
		}
		d.px, d.py = px, py
	}
	addTo(dsrc, b.g)
}
