package kernel

// mapFast computes Map in assembly if there is any for u on this processor, and reports whether it did.
func mapFast(u Unary, y, x []float32) bool { return false }

// mapGradFast is mapFast for MapGrad.
func mapGradFast(u Unary, dx, dy, x []float32) bool { return false }

// binaryFast computes one row of a Broadcast in assembly and reports whether it did.
func binaryFast(b Binary, z, x []float32, dx int, y []float32, dy int) bool { return false }

// foldFast adds a run of terms to a running result in assembly and reports whether it did.
func foldFast(k Reduce, value float64, x []float32) (float64, bool) { return 0, false }

// axpyFast is Axpy in assembly; it reports whether it ran.
func axpyFast(y []float32, a float32, x []float32) bool { return false }

// dotFast is Dot in assembly; it reports whether it ran.
func dotFast(x, y []float32) (float64, bool) { return 0, false }

// softmaxFast is Softmax in assembly; it reports whether it ran.
func softmaxFast(y, x []float32, rows, n int) bool { return false }

// softmaxGradFast is SoftmaxGrad in assembly; it reports whether it ran.
func softmaxGradFast(dx, dy, y []float32, rows, n int) bool { return false }

// layerNormFast is LayerNorm in assembly; it reports whether it ran.
func layerNormFast(y, x, gamma, beta, mean, rstd []float32, rows, n int, eps float32) bool {
	return false
}

// layerNormGradFast is LayerNormGrad in assembly; it reports whether it ran.
func layerNormGradFast(dx, dy, x, gamma, mean, rstd, add []float32, rows, n int) bool { return false }
