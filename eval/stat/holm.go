package stat

import (
	"math"
	"slices"
)

// Holm returns the p-values adjusted for making all these comparisons at once (S. Holm, Scandinavian
// Journal of Statistics 6, 1979): the k-th smallest times m−k+1, made monotone, at most 1. Comparing an
// adjusted value with α keeps the chance of any false finding below α. NaN stays NaN and counts as a
// comparison.
func Holm(p []float64) []float64 {
	order := identity(len(p))
	rank := func(x float64) float64 {
		if math.IsNaN(x) {
			return math.Inf(1)
		}
		return x
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch a, b := rank(p[i]), rank(p[j]); {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	})
	out := make([]float64, len(p))
	highest := 0.0
	for k, i := range order {
		if math.IsNaN(p[i]) {
			out[i] = math.NaN()
			continue
		}
		highest = max(highest, min(1, p[i]*float64(len(p)-k)))
		out[i] = highest
	}
	return out
}
