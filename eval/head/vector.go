package head

import "math"

func dot(a, b []float32) float64 {
	var s float64
	for i, x := range a {
		s += float64(x) * float64(b[i])
	}
	return s
}

func norm2(a []float32) float64 { return math.Sqrt(dot(a, a)) }

// argmax is the index of the largest value, the first of equals; NaN is never chosen. -1 if there is
// none.
func argmax(v []float32) int {
	best := -1
	for i, x := range v {
		if best < 0 && x == x || best >= 0 && x > v[best] {
			best = i
		}
	}
	return best
}
