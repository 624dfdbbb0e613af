package kernel

// mapFast computes Map in assembly if there is any for u on this processor, and reports whether it did.
func mapFast(u Unary, y, x []float32) bool { return false }

// mapGradFast is mapFast for MapGrad.
func mapGradFast(u Unary, dx, dy, x []float32) bool { return false }
