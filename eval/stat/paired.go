package stat

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Discordant counts the images on which exactly one of two systems is right.
type Discordant struct {
	OnlyA int `json:"only_a"` // a right, b wrong
	OnlyB int `json:"only_b"`
	N     int `json:"n"`
}

// Compare counts the discordant pairs of two per-image outcomes.
func Compare(a, b []bool) (Discordant, error) {
	if len(a) != len(b) {
		return Discordant{}, fmt.Errorf("stat: outcomes of %d and %d images are not paired", len(a), len(b))
	}
	d := Discordant{N: len(a)}
	for i := range a {
		switch {
		case a[i] && !b[i]:
			d.OnlyA++
		case b[i] && !a[i]:
			d.OnlyB++
		}
	}
	return d, nil
}

// Drop is the rate of a minus the rate of b.
func (d Discordant) Drop() float64 {
	if d.N == 0 {
		return math.NaN()
	}
	return float64(d.OnlyA-d.OnlyB) / float64(d.N)
}

// McNemar is the exact two-sided p-value of equal rates (Q. McNemar, Psychometrika 12, 1947): the
// binomial probability with p = 1/2 of a split at least as uneven as OnlyA : OnlyB, at most 1.
func (d Discordant) McNemar() float64 { return exactSplit(d.OnlyA, d.OnlyB) }

func exactSplit(a, b int) float64 {
	if a+b == 0 {
		return 1
	}
	return min(1, 2*distuv.Binomial{N: float64(a + b), P: 0.5}.CDF(float64(min(a, b))))
}

// Difference is a paired comparison of two scores.
type Difference struct {
	Estimate         // of score a − score b
	P        float64 `json:"p"` // two-sided p-value of no difference
}

// Paired compares two statistics of the same n images: each resample takes the same images for both, so
// that what is hard for both cancels. The p-value is twice the smaller share of resampled differences on
// either side of zero, (k+1)/(resamples+1), ties counted on both sides.
func (b Bootstrap) Paired(n int, a, c Statistic) (Difference, error) {
	difference := func(indices []int) float64 { return a(indices) - c(indices) }
	e, values, err := b.bca(n, difference)
	if err != nil {
		return Difference{}, err
	}
	low, high := 0, 0
	for _, v := range values {
		if v <= 0 {
			low++
		}
		if v >= 0 {
			high++
		}
	}
	p := math.NaN()
	if len(values) > 0 {
		p = min(1, 2*float64(min(low, high)+1)/float64(len(values)+1))
	}
	return Difference{Estimate: e, P: p}, nil
}
