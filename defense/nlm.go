package defense

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// NLM replaces every pixel by a mean of the pixels in its Search×Search window, weighted by exp(−D/h²) where D is the mean
// squared difference of the two Patch×Patch patches over all channels (Buades, Coll, Morel, CVPR 2005). Beyond the
// border D repeats the difference at the edge; the search window is cut there. Differentiable; its gradient includes that of the
// weights. The defaults are the ImageNet setting of feature squeezing (arXiv 1704.01155: 11-3-4, with h = 4/255).
type NLM struct {
	Search int     // odd, 3…41 pixels
	Patch  int     // odd, 1…15 pixels
	H      float64 // h on the [0,1] scale, 0.001…10
}

var _ = purifier("nlm", "nlm(search=11,patch=3,h=4/255): non-local means (Buades et al. 2005)",
	func(a *expr.Args) Purifier {
		return NLM{a.Integer("search", 11), a.Integer("patch", 3), a.Number("h", 4.0/255)}
	})

// Traits says: not random, gradient exact.
func (NLM) Traits() Traits { return Traits{Name: "nlm", Surrogate: Exact} }

func (f NLM) String() string { return expr.Print("nlm", f.Search, f.Patch, f.H) }

// Validate reports a parameter out of range.
func (f NLM) Validate() error {
	return errors.Join(expr.Odd("nlm", "search", f.Search), expr.Odd("nlm", "patch", f.Patch),
		expr.Outside("nlm", "search", float64(f.Search), 3, 41), expr.Outside("nlm", "patch", float64(f.Patch), 1, 15),
		expr.Outside("nlm", "h", f.H, 0.001, 10))
}

// Purify implements [Purifier].
func (f NLM) Purify(src Picture, _ *rand.Rand) ([]View, error) {
	if src.H > 1<<15 || src.W > 1<<15 {
		return nil, fmt.Errorf("an image of %d×%d is too large", src.H, src.W)
	}
	out, total := src.like(), make([]float32, src.H*src.W)
	s := newShifter(src, f.Patch)
	eachShift(f.Search/2, func(dy, dx int) {
		w := s.weights(dy, dx, f.H)
		eachRun(src.H, src.W, dy, dx, func(p, n int) { weighted(total, out, src, p, p+dy*src.W+dx, w[p:p+n]) })
	})
	for c := range 3 {
		for i, t := range total {
			out.plane(c)[i] /= t
		}
	}
	return []View{{Picture: out, Pull: func(dsrc, dout []float32) { f.pull(src, out, total, dsrc, dout) }}}, nil
}

// pull: a weight depends on the mean squared difference D of its patches as ∂w/∂D = −w/h².
func (f NLM) pull(src, out Picture, total, dsrc, dout []float32) {
	m := newMeanGradient(src, out, total, dout)
	s := newShifter(src, f.Patch)
	slope := make([]float32, src.H*src.W)
	inv := float32(-1 / (f.H * f.H))
	eachShift(f.Search/2, func(dy, dx int) {
		w := s.weights(dy, dx, f.H)
		clear(slope)
		eachRun(src.H, src.W, dy, dx, func(p, n int) {
			at := slope[p : p+n]
			m.values(at, p, p+dy*src.W+dx, w[p:p+n])
			for i, v := range w[p : p+n] {
				at[i] *= v * inv
			}
		})
		s.pullDistance(m, dy, dx, slope)
	})
	kernel.AddTo(dsrc, m.grad.Pix)
}
