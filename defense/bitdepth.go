package defense

import (
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
)

// BitDepth rounds every value to 2ᵇ levels (feature squeezing: Xu, Evans, Qi, arXiv 1704.01155 §III-A). Its derivative is
// zero almost everywhere, so its surrogate is the identity.
type BitDepth struct {
	Bits int // 1…8
}

var _ = purifier("bitdepth", "bitdepth(bits=4): round to 2^bits levels (arXiv 1704.01155)",
	func(a *expr.Args) Purifier { return BitDepth{a.Integer("bits", 4)} })

// Traits says: not random, gradient identity.
func (BitDepth) Traits() Traits { return Traits{Name: "bitdepth", Surrogate: Identity} }

func (b BitDepth) String() string { return expr.Print("bitdepth", b.Bits) }

// Validate reports a parameter out of range.
func (b BitDepth) Validate() error { return expr.Outside("bitdepth", "bits", float64(b.Bits), 1, 8) }

// Purify implements [Purifier].
func (b BitDepth) Purify(src Picture, _ *rand.Rand) ([]View, error) {
	top := float64(int(1)<<b.Bits - 1)
	out := src.like()
	for i, v := range src.Pix {
		out.Pix[i] = float32(math.Round(float64(v)*top) / top)
	}
	return []View{{Picture: out}}, nil
}
