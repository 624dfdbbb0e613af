package kernel

// Where computes z[i] = x[i] where cond[i] is not zero and y[i] elsewhere. z may be x or y.
func Where[T any](z []T, cond []float32, x, y []T) {
	for i, c := range cond {
		if c != 0 {
			z[i] = x[i]
		} else {
			z[i] = y[i]
		}
	}
}
