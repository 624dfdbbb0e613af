package stat

import (
	"math"
	"testing"
)

// Published values: Newcombe, "Two-sided confidence intervals for the single proportion" (Statistics in
// Medicine 17, 1998), table I, methods 3 (Wilson) and 5 (Clopper–Pearson).
func TestRateIntervalsAgainstNewcombe(t *testing.T) {
	cases := []struct {
		k, n          int
		wilson, exact [2]float64
	}{
		{81, 263, [2]float64{0.2553, 0.3662}, [2]float64{0.2527, 0.3676}},
		{15, 148, [2]float64{0.0624, 0.1605}, [2]float64{0.0578, 0.1617}},
		{0, 20, [2]float64{0, 0.1611}, [2]float64{0, 0.1684}},
		{1, 29, [2]float64{0.0061, 0.1718}, [2]float64{0.0009, 0.1776}},
	}
	for _, c := range cases {
		check(t, "Wilson", c.k, c.n, Wilson(c.k, c.n, 0.95), c.wilson)
		check(t, "ClopperPearson", c.k, c.n, ClopperPearson(c.k, c.n, 0.95), c.exact)
	}
}

func check(t *testing.T, name string, k, n int, got Interval, want [2]float64) {
	t.Helper()
	if math.Abs(got.Lo-want[0]) > 5.1e-5 || math.Abs(got.Hi-want[1]) > 5.1e-5 {
		t.Errorf("%s(%d, %d) = [%.5f, %.5f], want %v", name, k, n, got.Lo, got.Hi, want)
	}
}

func TestRateIntervalProperties(t *testing.T) {
	for n := 0; n <= 30; n++ {
		for k := 0; k <= n; k++ {
			w, e := Wilson(k, n, 0.95), ClopperPearson(k, n, 0.95)
			mirror := Wilson(n-k, n, 0.95)
			if math.Abs(w.Lo-(1-mirror.Hi)) > 1e-12 {
				t.Errorf("Wilson(%d, %d) is not the mirror of %d", k, n, n-k)
			}
			if n > 0 {
				p := float64(k) / float64(n)
				if !w.Contains(p) || !e.Contains(p) {
					t.Errorf("%d/%d lies outside %v or %v", k, n, w, e)
				}
			}
		}
	}
	for _, v := range []Interval{Wilson(3, 2, 0.95), Wilson(-1, 2, 0.95), ClopperPearson(1, 2, 1), Wilson(1, 2, math.NaN())} {
		if !math.IsNaN(v.Lo) || !math.IsNaN(v.Hi) {
			t.Errorf("bad arguments gave %v", v)
		}
	}
}

// Exact coverage of Clopper–Pearson is at least its level for every p.
func TestClopperPearsonCovers(t *testing.T) {
	const n = 25
	for p := 0.01; p < 1; p += 0.01 {
		var covered float64
		for k := 0; k <= n; k++ {
			if ClopperPearson(k, n, 0.9).Contains(p) {
				covered += math.Exp(logBinomial(n, k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
			}
		}
		if covered < 0.9 {
			t.Errorf("coverage %.4f at p = %.2f", covered, p)
		}
	}
}
func logBinomial(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}
