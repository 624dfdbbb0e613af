package guard

import (
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
)

// Noise adds Gaussian noise of standard deviation Sigma to every score and then, if another class has come out on top,
// exchanges its score with that of the class that was there: the argmax is kept, as MemGuard does (Jia et al., arXiv
// 1909.10594). The noise is a function of the seed and the row, so that averaging repeated answers does not remove it.
type Noise struct {
	Sigma float64 // 1e-9…1e6
}

var _ = register("noise", "noise(sigma=0.1): Gaussian noise on scores that keeps the argmax (arXiv 1909.10594)", func(a *expr.Args) (Guard, error) {
	g := Noise{a.Number("sigma", 0.1)}
	return g, expr.Outside("noise", "sigma", g.Sigma, 1e-9, 1e6)
})

func (g Noise) String() string { return expr.Print("noise", g.Sigma) }

// Apply implements [Guard].
func (g Noise) Apply(row []float64, seed uint64) {
	h := uint64(0xcbf29ce484222325)
	for _, v := range row {
		h = (h ^ math.Float64bits(v)) * 0x100000001b3
		h ^= h >> 29
	}
	rng := rand.New(rand.NewPCG(seed, h))
	top := argmax(row)
	for i := range row {
		row[i] += g.Sigma * rng.NormFloat64()
	}
	if now := argmax(row); now != top {
		row[now], row[top] = row[top], row[now]
	}
}
