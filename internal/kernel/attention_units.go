package kernel

// The functions below are the plain forms of the kernels that the instruction sets have for whole units of 16
// numbers.

func attnDotGeneric(x, y []float32) float32 {
	var sum float32
	for i, v := range x {
		sum += v * y[i]
	}
	return sum
}

func attnScaleGeneric(x []float32, f float32) {
	for i := range x {
		x[i] *= f
	}
}

func gemmAddGeneric(y, x []float32) {
	for i := range y {
		y[i] += x[i]
	}
}
