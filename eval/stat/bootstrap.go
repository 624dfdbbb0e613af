package stat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Statistic is a number computed from the samples with the given indices; an index may repeat. It
// returns NaN where it is not defined, such as an AUROC without negatives. It must not keep indices.
type Statistic func(indices []int) float64

// Mean is the statistic of the mean of v.
func Mean(v []float64) Statistic {
	return func(indices []int) float64 {
		var sum float64
		for _, i := range indices {
			sum += v[i]
		}
		return sum / float64(len(indices))
	}
}

// Bootstrap resamples whole images with replacement.
type Bootstrap struct {
	Level     float64 // of the interval; defaults to 0.95
	Resamples int     // defaults to 10000
	Seed      uint64
}

// Estimate is a score with its interval and its doubts.
type Estimate struct {
	Value    float64  `json:"value"`
	Interval Interval `json:"interval"`
	N        int      `json:"n"` // samples, not resamples
	Warnings []string `json:"warnings,omitempty"`
}

func (b Bootstrap) filled() (Bootstrap, error) {
	if b.Level == 0 {
		b.Level = 0.95
	}
	if b.Resamples == 0 {
		b.Resamples = 10000
	}
	if !(b.Level > 0 && b.Level < 1) || b.Resamples < 100 {
		return b, fmt.Errorf("stat: bootstrap with level %v and %d resamples: the level must lie in (0,1) and at least 100 resamples are needed", b.Level, b.Resamples)
	}
	return b, nil
}

// BCa is the bias-corrected and accelerated interval (B. Efron, "Better bootstrap confidence intervals",
// JASA 82, 1987) of a statistic of n samples: the percentiles of the resampled values at
// Φ(z0 + (z0+z)/(1−a(z0+z))), z0 from the share of resampled values below the estimate and the
// acceleration a from the jackknife. Where every resample gives the same value the interval is that value
// and a warning says so.
func (b Bootstrap) BCa(n int, s Statistic) (Estimate, error) {
	e, _, err := b.bca(n, s)
	return e, err
}

// bca also returns the sorted resampled values, none where the score is not defined on the sample.
func (b Bootstrap) bca(n int, s Statistic) (Estimate, []float64, error) {
	b, err := b.filled()
	if err != nil {
		return Estimate{}, nil, err
	}
	if n < 1 {
		return Estimate{}, nil, fmt.Errorf("stat: bootstrap of %d samples", n)
	}
	e := Estimate{Value: s(identity(n)), N: n, Interval: Interval{math.NaN(), math.NaN(), b.Level}}
	if math.IsNaN(e.Value) {
		e.Warnings = append(e.Warnings, "the score is not defined on this sample")
		return e, nil, nil
	}
	values, undefined := b.resample(n, s)
	b.interval(&e, s, values, undefined)
	return e, values, nil
}

// interval sets the interval of e from resampled values.
func (b Bootstrap) interval(e *Estimate, s Statistic, values []float64, undefined int) {
	n := e.N
	if undefined > 0 {
		e.Warnings = append(e.Warnings, fmt.Sprintf("the score was not defined on %d of %d resamples", undefined, b.Resamples))
	}
	if 2*undefined > b.Resamples {
		return
	}
	if values[0] == values[len(values)-1] {
		e.Interval.Lo, e.Interval.Hi = values[0], values[0]
		e.Warnings = append(e.Warnings, "every resample gave the same score: the sample does not show how it varies")
		return
	}
	z0 := bias(values, e.Value)
	a := Acceleration(n, s)
	e.Interval.Lo = percentile(values, adjusted(0.5-b.Level/2, z0, a))
	e.Interval.Hi = percentile(values, adjusted(0.5+b.Level/2, z0, a))
	if n < 10 {
		e.Warnings = append(e.Warnings, fmt.Sprintf("only %d samples: the bootstrap interval is likely too narrow", n))
	}
}

// resample returns the sorted defined values and how many were not.
func (b Bootstrap) resample(n int, s Statistic) (values []float64, undefined int) {
	rng := rand.New(rand.NewPCG(b.Seed, 0x706c756d62))
	indices := make([]int, n)
	for range b.Resamples {
		for i := range indices {
			indices[i] = rng.IntN(n)
		}
		if v := s(indices); math.IsNaN(v) {
			undefined++
		} else {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	return values, undefined
}

// bias is z0: the normal quantile of the share of values below the estimate, ties counted half.
func bias(sorted []float64, estimate float64) float64 {
	below, _ := slices.BinarySearch(sorted, estimate)
	above := below
	for above < len(sorted) && sorted[above] == estimate {
		above++
	}
	n := float64(len(sorted))
	share := (float64(below) + float64(above-below)/2) / n
	return distuv.UnitNormal.Quantile(min(max(share, 0.5/n), 1-0.5/n))
}

// Acceleration is the jackknife estimate Σd³ / (6·(Σd²)^1.5) with d the mean of the leave-one-out values
// minus each of them; 0 when they do not vary.
func Acceleration(n int, s Statistic) float64 {
	if n < 2 {
		return 0
	}
	left := make([]float64, 0, n)
	indices := make([]int, n-1)
	var mean float64
	for out := range n {
		for i := range indices {
			indices[i] = i
			if i >= out {
				indices[i]++
			}
		}
		if v := s(indices); !math.IsNaN(v) {
			left = append(left, v)
			mean += v
		}
	}
	mean /= float64(len(left))
	var square, cube float64
	for _, v := range left {
		d := mean - v
		square += d * d
		cube += d * d * d
	}
	if !(square > 0) {
		return 0
	}
	return cube / (6 * math.Pow(square, 1.5))
}

func adjusted(q, z0, a float64) float64 {
	z := z0 + distuv.UnitNormal.Quantile(q)
	return distuv.UnitNormal.CDF(z0 + z/(1-a*z))
}

// percentile interpolates linearly between order statistics.
func percentile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := min(max(int(at), 0), len(sorted)-1)
	j := min(i+1, len(sorted)-1)
	return sorted[i] + (at-float64(i))*(sorted[j]-sorted[i])
}

func identity(n int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = i
	}
	return v
}
