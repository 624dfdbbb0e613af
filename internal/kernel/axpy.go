package kernel

// AddTo adds x to y element by element.
func AddTo(y, x []float32) { binaryRow(Add, y[:len(x)], y, 1, x, 1) }

// Axpy adds a·x to y element by element.
func Axpy(y []float32, a float32, x []float32) {
	y = y[:len(x)]
	if axpyFast(y, a, x) {
		return
	}
	for i, v := range x {
		y[i] += a * v
	}
}

// Scale computes y = a·x.
func Scale(y []float32, a float32, x []float32) {
	y = y[:len(x)]
	if scaleFast(y, a, x) {
		return
	}
	for i, v := range x {
		y[i] = a * v
	}
}

// Dot returns Σx·y accumulated in float64.
func Dot(x, y []float32) float64 {
	y = y[:len(x)]
	if s, ok := dotFast(x, y); ok {
		return s
	}
	return dotReference(x, y)
}

func dotReference[T Float](x, y []T) float64 {
	var s float64
	for i, v := range x {
		s += float64(v) * float64(y[i])
	}
	return s
}
