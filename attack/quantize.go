package attack

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"
)

// Quantize returns what an attacker can save of adv as an 8-bit file: an image whose values are all
// float32(k/255), each the nearest such value to adv's that keeps the image inside tm around clean, the
// i-th image. A clean value that is itself float32(k/255) stands for k/255 exactly. Where a clean image
// between the 8-bit levels has a pixel with no level inside ε (ε below half a level), it is an error.
func Quantize(tm ThreatModel, i int, clean, adv *tensor.Dense) (*tensor.Dense, error) {
	x, h, w, err := pixels(clean)
	if err != nil {
		return nil, err
	}
	a, ha, wa, err := pixels(adv)
	if err != nil {
		return nil, err
	}
	if h != ha || w != wa {
		return nil, fmt.Errorf("attack: the adversarial image is %d×%d pixels, the clean one %d×%d", ha, wa, h, w)
	}
	if err := tm.Validate(max(i+1, len(tm.Masks))); err != nil {
		return nil, err
	}
	q := make([]float32, len(x))
	if tm.Norm == NormLinf {
		err = quantizeLinf(q, x, a, tm.Eps, tm.mask(i))
	} else {
		err = quantizeOther(q, x, a, tm, i, clean)
	}
	if err != nil {
		return nil, err
	}
	return newImage(q, h, w), nil
}

// quantizeLinf rounds value by value into [x−ε, x+ε].
func quantizeLinf(q, x, a []float32, eps Ratio, m *Mask) error {
	e, radius := newBound(eps), eps.Levels()
	for i := range x {
		k := int(math.RoundToEven(float64(a[i]) * 255))
		s, onGrid := level(x[i])
		switch {
		case !m.allows(i) && onGrid:
			k = s
		case !m.allows(i):
			return fmt.Errorf("attack: value %d is %v, between two 8-bit levels, and the mask forbids changing it", i, x[i])
		case onGrid:
			k = min(max(k, s-radius, 0), s+radius, 255)
		default:
			var ok bool
			if k, ok = nearestLevel(k, x[i], e); !ok {
				return fmt.Errorf("attack: value %d is %v, and no 8-bit level is within ε = %s of it", i, x[i], eps)
			}
		}
		q[i] = fromLevel(k)
	}
	return nil
}

// nearestLevel returns the level closest to k within ε of x, which lies between two levels.
func nearestLevel(k int, x float32, e bound) (int, bool) {
	toward := 1
	if float64(k) > float64(x)*255 {
		toward = -1
	}
	for j := k; j >= 0 && j <= 255; j += toward {
		if e.coversLevel(x, j) {
			return j, true
		}
		if (float64(j)-float64(x)*255)*float64(toward) > 1 {
			break
		}
	}
	return 0, false
}
