// Package stat holds the statistics of an evaluation: intervals of rates and of any score, paired
// comparisons, and the smallest drop that a sample could have shown.
//
// Every interval is two-sided and carries its level. Nothing here draws from a global random source:
// resampling takes a seed, and the same seed gives the same interval.
package stat

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Interval is a two-sided confidence interval.
type Interval struct {
	Lo    float64 `json:"lo"`
	Hi    float64 `json:"hi"`
	Level float64 `json:"level"` // for example 0.95
}

// Contains reports whether x lies in the closed interval.
func (v Interval) Contains(x float64) bool { return v.Lo <= x && x <= v.Hi }

func (v Interval) String() string {
	return fmt.Sprintf("[%.3g, %.3g] at %g %%", v.Lo, v.Hi, 100*v.Level)
}

// Wilson is the score interval of a rate of k hits in n (E. B. Wilson, "Probable inference, the law of
// succession, and statistical inference", JASA 22, 1927): the p with |k/n − p| ≤ z·√(p(1−p)/n). With
// n = 0 it is [0, 1]. k outside 0..n and a level outside (0,1) give NaN.
func Wilson(k, n int, level float64) Interval {
	if bad(k, n, level) {
		return Interval{math.NaN(), math.NaN(), level}
	}
	if n == 0 {
		return Interval{0, 1, level}
	}
	z := distuv.UnitNormal.Quantile(0.5 + level/2)
	nf, p := float64(n), float64(k)/float64(n)
	centre := (p + z*z/(2*nf)) / (1 + z*z/nf)
	half := z / (1 + z*z/nf) * math.Sqrt(p*(1-p)/nf+z*z/(4*nf*nf))
	v := Interval{max(0, centre-half), min(1, centre+half), level}
	if k == 0 {
		v.Lo = 0
	}
	if k == n {
		v.Hi = 1
	}
	return v
}

// ClopperPearson is the exact interval of a rate of k hits in n (C. J. Clopper, E. S. Pearson,
// Biometrika 26, 1934), from quantiles of the beta distribution. It covers at least at its level, and
// is wider than [Wilson]. With n = 0 it is [0, 1]; bad arguments give NaN.
func ClopperPearson(k, n int, level float64) Interval {
	if bad(k, n, level) {
		return Interval{math.NaN(), math.NaN(), level}
	}
	v := Interval{0, 1, level}
	alpha := 1 - level
	if k > 0 {
		v.Lo = distuv.Beta{Alpha: float64(k), Beta: float64(n - k + 1)}.Quantile(alpha / 2)
	}
	if k < n {
		v.Hi = distuv.Beta{Alpha: float64(k + 1), Beta: float64(n - k)}.Quantile(1 - alpha/2)
	}
	return v
}

func bad(k, n int, level float64) bool { return k < 0 || n < 0 || k > n || !(level > 0 && level < 1) }
