package defense

import (
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
	"github.com/plumbline-ml/plumbline/internal/resample"
)

// Gaussian blurs with a Gaussian of standard deviation Sigma pixels, cut off at 4σ, edges repeated: a linear map.
type Gaussian struct {
	Sigma float64 // pixels, 0.1…32
}

var _ = purifier("gaussian", "gaussian(sigma=1): Gaussian blur, σ in pixels",
	func(a *expr.Args) Purifier { return Gaussian{a.Number("sigma", 1)} })

// Traits says: not random, gradient exact.
func (Gaussian) Traits() Traits { return Traits{Name: "gaussian", Surrogate: Exact} }

func (g Gaussian) String() string { return expr.Print("gaussian", g.Sigma) }

// Validate reports a parameter out of range.
func (g Gaussian) Validate() error { return expr.Outside("gaussian", "sigma", g.Sigma, 0.1, 32) }

// Purify implements [Purifier].
func (g Gaussian) Purify(src Picture, _ *rand.Rand) ([]View, error) {
	x, err := resample.Gaussian(src.W, g.Sigma)
	if err != nil {
		return nil, err
	}
	y, err := resample.Gaussian(src.H, g.Sigma)
	if err != nil {
		return nil, err
	}
	return []View{linearView(resample.NewSeparable(x, y), src)}, nil
}

// linearView maps the planes of src by m.
func linearView(m *resample.Separable, src Picture) View {
	out := NewPicture(m.Y.Out, m.X.Out)
	scratch := make([]float32, m.Scratch())
	for c := range 3 {
		m.Apply(out.plane(c), src.plane(c), scratch)
	}
	return View{Picture: out, Pull: func(dsrc, dout []float32) { pullLinear(m, dsrc, dout) }}
}

// pullLinear adds the transpose of m applied to dout's planes.
func pullLinear(m *resample.Separable, dsrc, dout []float32) {
	scratch, g := make([]float32, m.Scratch()), make([]float32, m.InLen())
	in, out := m.InLen(), m.OutLen()
	for c := range 3 {
		m.Adjoint(g, dout[c*out:(c+1)*out], scratch)
		for i, v := range g {
			dsrc[c*in+i] += v
		}
	}
}
