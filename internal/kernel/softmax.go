package kernel

import "math"

// Softmax computes y[r] = e^(x[r]-m) / Σe^(x[r]-m), m the row's largest, for rows of n. Entries of -Inf give 0,
// and a row of nothing but -Inf (everything masked) gives zeros. y may be x.
func Softmax(y, x []float32, rows, n int) {
	if !softmaxFast(y, x, rows, n) {
		softmaxReference(y, x, rows, n)
	}
}

// SoftmaxGrad computes dx = y·(dy - Σ dy·y) row by row. dx may be dy or y.
func SoftmaxGrad(dx, dy, y []float32, rows, n int) {
	if !softmaxGradFast(dx, dy, y, rows, n) {
		softmaxGradReference(dx, dy, y, rows, n)
	}
}

// LogSoftmax computes y[r] = x[r] - ln Σe^x[r]. A row of nothing but -Inf stays -Inf. y may be x.
func LogSoftmax(y, x []float32, rows, n int) {
	if !logSoftmaxFast(y, x, rows, n) {
		logSoftmaxReference(y, x, rows, n)
	}
}

// LogSoftmaxGrad computes dx = dy - e^y·Σdy row by row. dx may be dy or y.
func LogSoftmaxGrad(dx, dy, y []float32, rows, n int) {
	if !logSoftmaxGradFast(dx, dy, y, rows, n) {
		logSoftmaxGradReference(dx, dy, y, rows, n)
	}
}

func softmaxReference[T Float](y, x []T, rows, n int) {
	for r := range rows {
		y, x := y[r*n:(r+1)*n], x[r*n:(r+1)*n]
		top := largest(x)
		if math.IsInf(top, -1) {
			clear(y)
			continue
		}
		var sum float64
		for i, v := range x {
			e := math.Exp(float64(v) - top)
			sum += e
			y[i] = T(e)
		}
		for i := range y {
			y[i] = T(float64(y[i]) / sum)
		}
	}
}

func softmaxGradReference[T Float](dx, dy, y []T, rows, n int) {
	for r := range rows {
		dx, dy, y := dx[r*n:(r+1)*n], dy[r*n:(r+1)*n], y[r*n:(r+1)*n]
		dot := dotReference(dy, y)
		for i, v := range y {
			dx[i] = T(float64(v) * (float64(dy[i]) - dot))
		}
	}
}

func logSoftmaxReference[T Float](y, x []T, rows, n int) {
	for r := range rows {
		y, x := y[r*n:(r+1)*n], x[r*n:(r+1)*n]
		top := largest(x)
		if math.IsInf(top, -1) {
			copy(y, x)
			continue
		}
		var sum float64
		for _, v := range x {
			sum += math.Exp(float64(v) - top)
		}
		norm := top + math.Log(sum)
		for i, v := range x {
			y[i] = T(float64(v) - norm)
		}
	}
}

func logSoftmaxGradReference[T Float](dx, dy, y []T, rows, n int) {
	for r := range rows {
		dx, dy, y := dx[r*n:(r+1)*n], dy[r*n:(r+1)*n], y[r*n:(r+1)*n]
		var sum float64
		for _, v := range dy {
			sum += float64(v)
		}
		for i, v := range y {
			dx[i] = T(float64(dy[i]) - math.Exp(float64(v))*sum)
		}
	}
}

// largest returns the largest of x, NaN if any is NaN, and -Inf of nothing.
func largest[T Float](x []T) float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, float64(v))
	}
	return top
}
