package defense

import (
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
)

// Noise adds uniform noise from [−Eps, Eps] to every value, within [0,1]: the weakest random defence, and what TTC falls
// back to. For a given draw its gradient is the identity but where [0,1] cuts it off.
type Noise struct {
	Eps float64 // [0,1] units, above 0 to 1
}

var _ = purifier("noise", "noise(eps=4/255): uniform noise within ±eps",
	func(a *expr.Args) Purifier { return Noise{a.Number("eps", 4.0/255)} })

// Traits says: random, gradient exact.
func (Noise) Traits() Traits { return Traits{Name: "noise", Random: true, Surrogate: Exact} }

func (n Noise) String() string { return expr.Print("noise", n.Eps) }

// Validate reports a parameter out of range.
func (n Noise) Validate() error { return expr.Outside("noise", "eps", n.Eps, 1e-6, 1) }

// Purify implements [Purifier].
func (n Noise) Purify(src Picture, rng *rand.Rand) ([]View, error) {
	out := src.like()
	cut := make([]bool, len(src.Pix))
	for i, v := range src.Pix {
		moved := v + float32((2*rng.Float64()-1)*n.Eps)
		out.Pix[i] = clamp01(moved)
		cut[i] = out.Pix[i] != moved && moved == moved
	}
	return []View{{Picture: out, Pull: func(dsrc, dout []float32) {
		for i, g := range dout {
			if !cut[i] {
				dsrc[i] += g
			}
		}
	}}}, nil
}
