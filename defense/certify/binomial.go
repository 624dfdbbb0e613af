package certify

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// LowerBound is the one-sided Clopper–Pearson bound: the probability of a success is at least this with confidence
// 1−alpha, after k successes in n trials. alpha lies between 0 and 1.
func LowerBound(k, n int, alpha float64) (float64, error) {
	if n < 1 || k < 0 || k > n || !(alpha > 0 && alpha < 1) {
		return 0, fmt.Errorf("certify: no bound for %d successes in %d trials at α = %g", k, n, alpha)
	}
	switch k {
	case 0:
		return 0, nil
	case n:
		return math.Pow(alpha, 1/float64(n)), nil
	}
	return distuv.Beta{Alpha: float64(k), Beta: float64(n - k + 1)}.Quantile(alpha), nil
}

// signTest is the two-sided p-value of k or a more extreme number of heads in n tosses of a fair coin.
func signTest(k, n int) float64 {
	if n == 0 {
		return 1
	}
	k = max(k, n-k)
	if 2*k == n {
		return 1
	}
	// P(X ≥ k) for a fair coin is the regularised incomplete beta function I_½(k, n−k+1).
	return min(1, 2*distuv.Beta{Alpha: float64(k), Beta: float64(n - k + 1)}.CDF(0.5))
}
