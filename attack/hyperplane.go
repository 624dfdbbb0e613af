package attack

import (
	"math"
	"slices"
)

// toHyperplane returns the smallest move d (in the norm) from x that brings w·d to c > 0 while x+d stays
// in [0,1], or the farthest possible if none does. It is the inner projection of FAB (Croce & Hein,
// arXiv 1907.02044, sec. 2): every value moves along w's sign by min(λ·share, room), where share is 1
// for L∞ and |w| for L2; for L1 the values with the largest |w| move to the edge one after the other.
func toHyperplane(d []float64, x []float32, w []float32, c float64, norm Norm) {
	room := func(i int) float64 {
		if w[i] > 0 {
			return 1 - float64(x[i])
		}
		return float64(x[i])
	}
	clear(d)
	if c <= 0 {
		return
	}
	if norm == NormL1 {
		fillLargest(d, w, c, room)
		return
	}
	share := func(i int) float64 {
		if norm == NormL2 {
			return absf(w[i])
		}
		return 1
	}
	lambda := solveShares(w, c, room, share)
	for i := range d {
		if w[i] != 0 {
			d[i] = math.Copysign(min(lambda*share(i), room(i)), float64(w[i]))
		}
	}
}

// solveShares returns the λ with Σ |w|·min(λ·share, room) = c, or +Inf. The values that reach the edge
// grow in number with λ, so solving with those found so far ends at the exact λ.
func solveShares(w []float32, c float64, room, share func(int) float64) float64 {
	lambda := 0.0
	for {
		full, slope := 0.0, 0.0
		for i, v := range w {
			if v == 0 {
				continue
			}
			if s := share(i); lambda*s >= room(i) {
				full += absf(v) * room(i)
			} else {
				slope += absf(v) * s
			}
		}
		if slope == 0 {
			return math.Inf(1)
		}
		next := (c - full) / slope
		if !(next > lambda) {
			return lambda
		}
		lambda = next
	}
}

// fillLargest spends c on the values with the largest |w| first.
func fillLargest(d []float64, w []float32, c float64, room func(int) float64) {
	order := make([]int, len(w))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case absf(w[a]) > absf(w[b]):
			return -1
		case absf(w[a]) < absf(w[b]):
			return 1
		}
		return 0
	})
	for _, i := range order {
		if w[i] == 0 || c <= 0 {
			return
		}
		m := min(room(i), c/absf(w[i]))
		d[i] = math.Copysign(m, float64(w[i]))
		c -= m * absf(w[i])
	}
}

// normOf measures a move in a norm.
func normOf(d []float64, norm Norm) float64 {
	s := 0.0
	for _, v := range d {
		switch norm {
		case NormL2:
			s += v * v
		case NormL1:
			s += math.Abs(v)
		default:
			s = max(s, math.Abs(v))
		}
	}
	if norm == NormL2 {
		return math.Sqrt(s)
	}
	return s
}
