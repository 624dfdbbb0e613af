package kernel

import "math"

// mapFast computes Map in assembly if there is any for u on this processor, and reports whether it did.
func mapFast(u Unary, y, x []float32) bool {
	k := elem()
	if k == nil || u >= unaryCount || k.unary[u] == nil || len(x) == 0 {
		return false
	}
	k.unary[u](&y[0], &x[0], len(x))
	return true
}

// mapGradFast is mapFast for MapGrad.
func mapGradFast(u Unary, dx, dy, x []float32) bool {
	k := elem()
	if k == nil || k.unaryGrad[u] == nil || len(x) == 0 {
		return false
	}
	k.unaryGrad[u](&dx[0], &dy[0], &x[0], len(x))
	return true
}

// mapBothFast is mapFast for MapBoth.
func mapBothFast(u Unary, y, s, x []float32) bool {
	k := elem()
	if k == nil || k.unaryBoth[u] == nil || len(x) == 0 {
		return false
	}
	k.unaryBoth[u](&y[0], &s[0], &x[0], len(x))
	return true
}

// binaryFast computes one row of a Broadcast in assembly and reports whether it did.
func binaryFast(b Binary, z, x []float32, dx int, y []float32, dy int) bool {
	k := elem()
	if k == nil || len(z) == 0 {
		return false
	}
	if b == Pow && dx == 1 && dy == 0 && y[0] == 2 {
		return mapFast(Square, z, x[:len(z)])
	}
	switch n := len(z); {
	case dx == 1 && dy == 1 && k.binary[b] != nil:
		k.binary[b](&z[0], &x[:n][0], &y[:n][0], n)
	case dx == 1 && dy == 0 && k.right[b] != nil:
		k.right[b](&z[0], &x[:n][0], y[0], n)
	case dx == 0 && dy == 1 && k.left[b] != nil:
		k.left[b](&z[0], &y[:n][0], x[0], n)
	case dx == 0 && dy == 1 && k.right[b] != nil: // x op y = y op x
		k.right[b](&z[0], &y[:n][0], x[0], n)
	default:
		return false
	}
	return true
}

// axpyFast is Axpy in assembly; it reports whether it ran.
func axpyFast(y []float32, a float32, x []float32) bool {
	k := elem()
	if k == nil || len(x) == 0 {
		return false
	}
	k.axpy(&y[0], &x[0], a, len(x))
	return true
}

// scaleFast is Scale in assembly; it reports whether it ran.
func scaleFast(y []float32, a float32, x []float32) bool {
	k := elem()
	if k == nil || len(x) == 0 {
		return false
	}
	k.right[Mul](&y[0], &x[0], a, len(x))
	return true
}

// dotFast is Dot in assembly; it reports whether it ran.
func dotFast(x, y []float32) (float64, bool) {
	k := elem()
	if k == nil || len(x) == 0 {
		return 0, false
	}
	return k.dot(&x[0], &y[0], len(x)), true
}

// foldFast adds a run of terms to a running result in assembly and reports whether it did.
func foldFast(r Reduce, a accumulator, x []float32) (float64, bool) {
	k := elem()
	if k == nil || len(x) == 0 {
		return 0, false
	}
	switch r {
	case Sum, Mean, LogSum:
		return a.value + k.sum[Sum](&x[0], len(x)), true
	case L2, SumSquare:
		return a.value + k.sum[SumSquare](&x[0], len(x)), true
	case L1:
		return a.value + k.sum[L1](&x[0], len(x)), true
	case ReduceMax:
		return max(a.value, float64(k.largest(&x[0], len(x)))), true
	case ReduceMin:
		return min(a.value, float64(k.smallest(&x[0], len(x)))), true
	case LogSumExp:
		return a.value + float64(k.sumExp(&x[0], float32(a.shift), len(x))), true
	}
	return 0, false
}

// columnsFast computes the sums over stride apart rows in assembly, for reductions that are sums; it reports whether
// it ran.
func columnsFast(r Reduce, y, x []float32, stride, rows int) bool {
	k := elem()
	if k == nil || rows == 0 || r != Sum && r != Mean {
		return false
	}
	_ = x[(rows-1)*stride+len(y)-1]
	k.columnSum(&y[0], &x[0], stride*floatBytes, rows, len(y))
	if r == Mean {
		for i := range y {
			y[i] /= float32(rows)
		}
	}
	return true
}

// softmaxFast is Softmax in assembly; it reports whether it ran.
func softmaxFast(y, x []float32, rows, n int) bool {
	k := elem()
	if k == nil || n == 0 {
		return false
	}
	for r := range rows {
		y, x := y[r*n:(r+1)*n], x[r*n:(r+1)*n]
		top := k.largest(&x[0], n)
		if math.IsInf(float64(top), -1) {
			clear(y)
			continue
		}
		sum := k.expSum(&y[0], &x[0], top, n)
		k.right[Mul](&y[0], &y[0], 1/sum, n)
	}
	return true
}

// softmaxGradFast is SoftmaxGrad in assembly; it reports whether it ran.
func softmaxGradFast(dx, dy, y []float32, rows, n int) bool {
	k := elem()
	if k == nil || n == 0 {
		return false
	}
	for r := range rows {
		dx, dy, y := dx[r*n:(r+1)*n], dy[r*n:(r+1)*n], y[r*n:(r+1)*n]
		k.softmaxGrad(&dx[0], &dy[0], &y[0], k.dotFloat(&dy[0], &y[0], n), n)
	}
	return true
}

// logSoftmaxFast is LogSoftmax in assembly; it reports whether it ran.
func logSoftmaxFast(y, x []float32, rows, n int) bool {
	k := elem()
	if k == nil || n == 0 {
		return false
	}
	for r := range rows {
		y, x := y[r*n:(r+1)*n], x[r*n:(r+1)*n]
		top := k.largest(&x[0], n)
		if math.IsInf(float64(top), -1) {
			copy(y, x)
			continue
		}
		// The two parts are subtracted one by one: their sum would be rounded by the size of top.
		rest := float32(math.Log(float64(k.sumExp(&x[0], top, n))))
		k.normalize(&y[0], &x[0], top, 1, -rest, n)
	}
	return true
}

// logSoftmaxGradFast is LogSoftmaxGrad in assembly; it reports whether it ran.
func logSoftmaxGradFast(dx, dy, y []float32, rows, n int) bool {
	k := elem()
	if k == nil || n == 0 {
		return false
	}
	for r := range rows {
		dx, dy, y := dx[r*n:(r+1)*n], dy[r*n:(r+1)*n], y[r*n:(r+1)*n]
		k.logSoftmaxGrad(&dx[0], &dy[0], &y[0], float32(k.sum[Sum](&dy[0], n)), n)
	}
	return true
}

func weightedAssembly() bool { return elem() != nil }

// weightedFast is WeightedRows in assembly, for at least one row; it reports whether it ran.
func weightedFast(y, x []float32, ld int, w []float32, fours bool) bool {
	k := elem()
	if k == nil {
		return false
	}
	_ = x[(len(w)-1)*ld+len(y)-1]
	f := k.weighted
	if fours {
		f = k.weightedFours
	}
	f(&y[0], &x[0], &w[0], ld*floatBytes, len(w), len(y))
	return true
}
