package defense

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
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
	n := src.H * src.W
	total, sum := make([]float64, n), make([]float64, 3*n)
	s := newShifter(src, f.Patch)
	f.eachShift(func(dy, dx int) {
		w := s.weights(dy, dx, f.H)
		s.eachPair(dy, dx, func(p, q int) {
			if w[p] == 0 {
				return
			}
			total[p] += w[p]
			for c := range 3 {
				sum[c*n+p] += w[p] * float64(src.Pix[c*n+q])
			}
		})
	})
	out := src.like()
	for i, v := range sum {
		out.Pix[i] = float32(v / total[i%n])
	}
	return []View{{Picture: out, Pull: func(dsrc, dout []float32) { f.pull(src, out, total, dsrc, dout) }}}, nil
}

// pull differentiates out_p = Σ_q w I_q / Σ_q w with w = exp(−D_pq/h²).
func (f NLM) pull(src, out Picture, total []float64, dsrc, dout []float32) {
	n := src.H * src.W
	grad, slope := make([]float64, 3*n), make([]float64, n)
	s := newShifter(src, f.Patch)
	f.eachShift(func(dy, dx int) {
		w := s.weights(dy, dx, f.H)
		clear(slope) // gradient at D of this shift
		s.eachPair(dy, dx, func(p, q int) {
			if w[p] == 0 {
				return
			}
			via := 0.0
			for c := range 3 {
				g := float64(dout[c*n+p])
				grad[c*n+q] += g * w[p] / total[p]
				via += g * (float64(src.Pix[c*n+q]) - float64(out.Pix[c*n+p]))
			}
			slope[p] = -via * w[p] / (total[p] * f.H * f.H)
		})
		s.pullDistance(dy, dx, slope, grad)
	})
	addTo(dsrc, grad)
}

func (f NLM) eachShift(visit func(dy, dx int)) {
	r := f.Search / 2
	for dy := -r; dy <= r; dy++ {
		for dx := -r; dx <= r; dx++ {
			visit(dy, dx)
		}
	}
}
