package guard

import (
	"math"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
)

// Round rounds every score to Digits decimal digits (half away from zero).
type Round struct {
	Digits int // 0…12
}

var _ = register("round", "round(digits=2): round scores to decimal digits", func(a *expr.Args) (Guard, error) {
	g := Round{a.Integer("digits", 2)}
	return g, expr.Outside("round", "digits", float64(g.Digits), 0, 12)
})

func (g Round) String() string { return expr.Print("round", g.Digits) }

// Apply implements [Guard].
func (g Round) Apply(row []float64, _ uint64) {
	scale := math.Pow(10, float64(g.Digits))
	for i, v := range row {
		if r := math.Round(v*scale) / scale; !math.IsInf(r, 0) && !math.IsNaN(r) {
			row[i] = r
		}
	}
}

// Step rounds every score to a multiple of Size.
type Step struct {
	Size float64 // 1e-9…1e6
}

var _ = register("step", "step(size=0.1): round scores to multiples of a step", func(a *expr.Args) (Guard, error) {
	g := Step{a.Number("size", 0.1)}
	return g, expr.Outside("step", "size", g.Size, 1e-9, 1e6)
})

func (g Step) String() string { return expr.Print("step", g.Size) }

// Apply implements [Guard].
func (g Step) Apply(row []float64, _ uint64) {
	for i, v := range row {
		if r := math.Round(v/g.Size) * g.Size; !math.IsInf(r, 0) && !math.IsNaN(r) {
			row[i] = r
		}
	}
}
