package attack

import (
	"fmt"

	"gorgonia.org/tensor"
)

// ApplyUniversal adds one perturbation (3×h×w, resized bilinearly where sizes differ) to images and
// projects them into tm.
func ApplyUniversal(delta *tensor.Dense, images []*tensor.Dense, tm ThreatModel) ([]*tensor.Dense, error) {
	if err := tm.Validate(len(images)); err != nil {
		return nil, err
	}
	shape := delta.Shape()
	if len(shape) != 3 || shape[0] != 3 || delta.Dtype() != tensor.Float32 {
		return nil, fmt.Errorf("attack: the perturbation is %v %v; want 3×h×w float32", delta.Dtype(), shape)
	}
	out := make([]*tensor.Dense, len(images))
	for i, img := range images {
		x, h, w, err := pixels(img)
		if err != nil {
			return nil, err
		}
		ball, err := tm.Ball(i, img)
		if err != nil {
			return nil, err
		}
		r := resampler{kernel: tent}
		r.set(shape[1], shape[2], h, w)
		y := make([]float32, len(x))
		r.forward(y, floats(delta))
		for k := range y {
			y[k] += x[k]
		}
		ball.Project(y)
		out[i] = newImage(y, h, w)
	}
	return out, nil
}

// CheckUniversal reports whether adversarial images can come from one perturbation within tm's ε (L∞):
// for every value some d with |d| ≤ ε must explain what each image shows, clip(x+d) up to half an 8-bit
// level of rounding. All images have one size.
func CheckUniversal(tm ThreatModel, clean, adv []*tensor.Dense) error {
	if tm.Norm != NormLinf {
		return fmt.Errorf("attack: a universal perturbation is checked under L∞, not %s", tm)
	}
	if len(clean) != len(adv) {
		return fmt.Errorf("attack: %d clean and %d adversarial images", len(clean), len(adv))
	}
	const half = 0.5/255 + 1e-6
	var lo, hi []float64
	for i := range clean {
		x, h, w, err := pixels(clean[i])
		if err != nil {
			return err
		}
		a, ha, wa, err := pixels(adv[i])
		if err != nil {
			return err
		}
		if lo == nil {
			lo, hi = make([]float64, len(x)), make([]float64, len(x))
			for k := range lo {
				lo[k], hi[k] = -tm.Eps.Float(), tm.Eps.Float()
			}
		}
		if len(x) != len(lo) || h != ha || w != wa {
			return fmt.Errorf("attack: image %d has another size than the first or than its adversarial version", i)
		}
		for k := range x {
			d := float64(a[k]) - float64(x[k])
			if a[k] > 0 { // at 0 any smaller perturbation shows the same
				lo[k] = max(lo[k], d-half)
			}
			if a[k] < 1 { // at 1 any larger one does
				hi[k] = min(hi[k], d+half)
			}
			if lo[k] > hi[k] {
				return fmt.Errorf("attack: no one perturbation within %s explains value %d of image %d and those before it", tm, k, i)
			}
		}
	}
	return nil
}
