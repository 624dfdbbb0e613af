package kernel

import "math"

// Clamp moves every x[i] into lo[i] ≤ x[i] ≤ hi[i]. NaN stays.
func Clamp(x, lo, hi []float32) {
	if len(x) > 0 && !clampFast(x, lo, hi) {
		clampReference(x, lo, hi)
	}
}

// AddSigned adds a with the sign of g[i] to x[i], and nothing where g[i] is 0.
func AddSigned(x, g []float32, a float32) {
	if len(x) > 0 && !addSignedFast(x, g, a) {
		addSignedReference(x, g, a)
	}
}

// Inside reports whether lo[i] ≤ x[i] ≤ hi[i] everywhere, which NaN is not.
func Inside(x, lo, hi []float32) bool {
	if len(x) > 0 {
		if inside, ok := insideFast(x, lo, hi); ok {
			return inside
		}
	}
	for i, v := range x {
		if !(v >= lo[i] && v <= hi[i]) {
			return false
		}
	}
	return true
}

// Finite reports whether no x is NaN or infinite.
func Finite(x []float32) bool {
	if len(x) > 0 {
		if finite, ok := finiteFast(x); ok {
			return finite
		}
	}
	for _, v := range x {
		if math.Float32bits(v)&0x7f800000 == 0x7f800000 {
			return false
		}
	}
	return true
}

func clampReference[T Float](x, lo, hi []T) {
	for i, v := range x {
		x[i] = min(max(v, lo[i]), hi[i])
	}
}

func addSignedReference[T Float](x, g []T, a T) {
	for i, v := range g[:len(x)] {
		switch {
		case v == 0:
		case math.Signbit(float64(v)):
			x[i] -= a
		default:
			x[i] += a
		}
	}
}
