package stat

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// MinimumDetectableDrop is the smallest fall of a rate that n paired images would have shown with
// probability power in the exact McNemar test at significance alpha (two-sided), if a share gain of the
// images change from wrong to right at the same time. It is +Inf when no fall up to 1 − 2·gain would be
// shown: the sample is too small for any conclusion. Typical: alpha 0.05, power 0.8, gain 0.
func MinimumDetectableDrop(n int, gain, alpha, power float64) (float64, error) {
	if n < 1 || !(gain >= 0 && gain < 1) || !(alpha > 0 && alpha < 1) || !(power > 0 && power < 1) {
		return math.NaN(), fmt.Errorf("stat: minimum detectable drop of n=%d, gain=%v, alpha=%v, power=%v is not defined", n, gain, alpha, power)
	}
	limit := criticalSplits(n, alpha)
	lo, hi := 0.0, 1-2*gain // the lost share is drop + gain, and lost + gain ≤ 1
	if hi <= 0 || powerOf(n, hi, gain, limit) < power {
		return math.Inf(1), nil
	}
	for range 50 {
		mid := (lo + hi) / 2
		if powerOf(n, mid, gain, limit) >= power {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi, nil
}

// criticalSplits gives, for each number m of discordant pairs, the largest smaller side at which the
// test still rejects; -1 where it never does.
func criticalSplits(n int, alpha float64) []int {
	limit := make([]int, n+1)
	k := -1 // grows with m
	for m := range limit {
		for k+1 <= m/2 && m > 0 && exactSplit(k+1, m-k-1) <= alpha {
			k++
		}
		limit[m] = k
	}
	return limit
}

// powerOf is the probability that the test rejects in the direction of a fall.
func powerOf(n int, drop, gain float64, limit []int) float64 {
	discordant := drop + 2*gain
	if discordant <= 0 {
		return 0
	}
	total := distuv.Binomial{N: float64(n), P: min(1, discordant)}
	mean, width := float64(n)*discordant, 9*math.Sqrt(float64(n)*discordant*max(0, 1-discordant))+9
	share := gain / discordant // of the discordant pairs, those that became right
	var sum float64
	for m := max(1, int(mean-width)); m <= min(n, int(mean+width)); m++ {
		if limit[m] >= 0 {
			sum += total.Prob(float64(m)) * distuv.Binomial{N: float64(m), P: share}.CDF(float64(limit[m]))
		}
	}
	return sum
}
