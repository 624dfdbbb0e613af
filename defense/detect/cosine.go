package detect

import "math"

// cosine returns the cosine of a and b and, if want, its gradients. Where either is zero it is 0 with zero gradients.
func cosine[A, B float32 | float64](a []A, b []B, want bool) (c float64, da, db []float64) {
	var dot, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		dot += x * y
		aa += x * x
		bb += y * y
	}
	if want {
		da, db = make([]float64, len(a)), make([]float64, len(b))
	}
	if aa == 0 || bb == 0 {
		return 0, da, db
	}
	n := math.Sqrt(aa * bb)
	c = dot / n
	if want {
		for i := range a {
			x, y := float64(a[i]), float64(b[i])
			da[i] = y/n - c*x/aa
			db[i] = x/n - c*y/bb
		}
	}
	return c, da, db
}

// addScaled adds f·src to dst.
func addScaled(dst []float64, f float64, src []float64) {
	for i, v := range src {
		dst[i] += f * v
	}
}
