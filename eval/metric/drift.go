package metric

import (
	"fmt"
	"math"
)

// Drift says how far one layer's tokens moved between a clean and an adversarial image.
type Drift struct {
	Cosine  float64   `json:"cosine"`            // mean over patch tokens of 1 − cos(clean, adversarial), 0 to 2
	L2      float64   `json:"l2"`                // mean over patch tokens of ‖adversarial − clean‖/‖clean‖
	Prefix  []float64 `json:"prefix,omitempty"`  // 1 − cos of each prefix token (class token, registers)
	Patches []float64 `json:"patches,omitempty"` // 1 − cos of each patch token, row-major
}

// TokenDrift compares T×D token matrices with prefix tokens first. A token of length zero or with a
// non-finite number gives NaN, which also makes the means NaN: it is a finding, not a zero.
func TokenDrift(clean, adversarial []float32, width, prefix int) (Drift, error) {
	if len(clean) != len(adversarial) || width < 1 || len(clean)%width != 0 || len(clean)/width <= prefix || prefix < 0 {
		return Drift{}, fmt.Errorf("metric: token matrices of %d and %d numbers, width %d, %d prefix tokens", len(clean), len(adversarial), width, prefix)
	}
	var d Drift
	for t := range len(clean) / width {
		c, a := clean[t*width:(t+1)*width], adversarial[t*width:(t+1)*width]
		cosine, relative := tokenDistance(c, a)
		if t < prefix {
			d.Prefix = append(d.Prefix, cosine)
			continue
		}
		d.Patches = append(d.Patches, cosine)
		d.Cosine += cosine
		d.L2 += relative
	}
	n := float64(len(d.Patches))
	d.Cosine /= n
	d.L2 /= n
	return d, nil
}

func tokenDistance(c, a []float32) (cosine, relative float64) {
	var cc, aa, ca, dd float64
	for i, x := range c {
		x, y := float64(x), float64(a[i])
		cc += x * x
		aa += y * y
		ca += x * y
		dd += (y - x) * (y - x)
	}
	if dd == 0 && cc > 0 {
		return 0, 0
	}
	return 1 - ca/(math.Sqrt(cc)*math.Sqrt(aa)), math.Sqrt(dd / cc)
}

// FeatureDistance is a perceptual distance from the encoder's own features, in the manner of LPIPS (Zhang et
// al., arXiv 1801.03924) with unit weights: the mean over layers of the mean over patch tokens of the squared
// distance of the unit-length tokens, which is 2·(1 − cos). Range 0 to 4.
func FeatureDistance(layers []Drift) float64 {
	var sum float64
	for _, l := range layers {
		sum += 2 * l.Cosine
	}
	return sum / float64(len(layers))
}
