package resample

import (
	"fmt"
	"math"
)

// Gaussian returns the axis that blurs in samples with a normalised Gaussian of standard deviation sigma samples, cut off
// at 4σ; borders repeat the edge sample.
func Gaussian(in int, sigma float64) (*Axis, error) {
	if err := checkSides(in, in, in); err != nil {
		return nil, err
	}
	if !(sigma > 0) || sigma > MaxSide {
		return nil, fmt.Errorf("resample: Gaussian of σ = %g samples: want a positive number", sigma)
	}
	radius := int(4*sigma + 0.5)
	w := make([]float64, 2*radius+1)
	sum := 0.0
	for i := range w {
		d := float64(i-radius) / sigma
		w[i] = math.Exp(-d * d / 2)
		sum += w[i]
	}
	for i := range w {
		w[i] /= sum
	}
	rows := make([]row, in)
	fill(rows, in, 0, func(o int) row { return clampedRow(in, o-radius, w) })
	return pack(in, rows), nil
}
