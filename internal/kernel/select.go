package kernel

// ArgMax writes the position of the largest along the middle axis of outer × n × inner to y, of outer × inner; the
// first of equals, or the last if last is set. NaN counts as the largest. n must be positive.
func ArgMax(y []int64, x []float32, outer, n, inner int, last bool) {
	for o := range outer {
		for i := range inner {
			y[o*inner+i] = argBest(x[o*n*inner+i:], n, inner, last, false)
		}
	}
}

// ArgMin is ArgMax for the smallest; NaN counts as the smallest.
func ArgMin(y []int64, x []float32, outer, n, inner int, last bool) {
	for o := range outer {
		for i := range inner {
			y[o*inner+i] = argBest(x[o*n*inner+i:], n, inner, last, true)
		}
	}
}

func argBest(x []float32, n, stride int, last, smallest bool) int64 {
	best := 0
	for k := 1; k < n; k++ {
		v, top := x[k*stride], x[best*stride]
		if before(v, top, smallest) || last && !before(top, v, smallest) {
			best = k
		}
	}
	return int64(best)
}

// before reports whether a is chosen over b: NaN over numbers, otherwise the larger (or smaller).
func before(a, b float32, smallest bool) bool {
	switch {
	case b != b:
		return false
	case a != a:
		return true
	case smallest:
		return a < b
	}
	return a > b
}

// TopK writes the k largest (or smallest) of each row of n in order to values and their positions to indices, both of
// rows × k; equals come in order of position. 0 ≤ k ≤ n. It inserts into a list of k, so it is meant for small k.
func TopK(values []float32, indices []int64, x []float32, rows, n, k int, smallest bool) {
	for r := range rows {
		x := x[r*n : (r+1)*n]
		values, indices := values[r*k:(r+1)*k], indices[r*k:(r+1)*k]
		filled := 0
		for i, v := range x {
			at := filled
			for at > 0 && before(v, values[at-1], smallest) {
				at--
			}
			if at == k {
				continue
			}
			filled = min(filled+1, k)
			copy(values[at+1:filled], values[at:])
			copy(indices[at+1:filled], indices[at:])
			values[at], indices[at] = v, int64(i)
		}
	}
}
