package kernel

import "math"

// mapFast computes Map in assembly if there is any for u, and reports whether it did.
func mapFast(u Unary, y, x []float32) bool {
	if cpuCurrent != cpuNEON || u >= unaryCount || elemUnaryNEON[u] == nil || len(x) == 0 {
		return false
	}
	elemUnaryNEON[u](&y[0], &x[0], len(x))
	return true
}

// mapGradFast is mapFast for MapGrad.
func mapGradFast(u Unary, dx, dy, x []float32) bool {
	if cpuCurrent != cpuNEON || elemUnaryGradNEON[u] == nil || len(x) == 0 {
		return false
	}
	elemUnaryGradNEON[u](&dx[0], &dy[0], &x[0], len(x))
	return true
}

// softmaxFast is Softmax with the exponentials in assembly; it reports whether it ran.
func softmaxFast(y, x []float32, rows, n int) bool {
	if cpuCurrent != cpuNEON {
		return false
	}
	for r := range rows {
		y, x := y[r*n:(r+1)*n], x[r*n:(r+1)*n]
		top := float32(largest(x))
		if math.IsInf(float64(top), -1) {
			clear(y)
			continue
		}
		for i, v := range x {
			y[i] = v - top
		}
		Map(Exp, y, y)
		var sum float64
		for _, v := range y {
			sum += float64(v)
		}
		Scale(y, float32(1/sum), y)
	}
	return true
}
