package kernel

// clampFast is Clamp in assembly; it reports whether it ran.
func clampFast(x, lo, hi []float32) bool {
	k := elem()
	if k == nil {
		return false
	}
	k.clamp(&x[0], &lo[:len(x)][0], &hi[:len(x)][0], len(x))
	return true
}

// addSignedFast is AddSigned in assembly; it reports whether it ran.
func addSignedFast(x, g []float32, a float32) bool {
	k := elem()
	if k == nil {
		return false
	}
	k.addSigned(&x[0], &g[:len(x)][0], a, len(x))
	return true
}

// insideFast is Inside in assembly; ok reports whether it ran.
func insideFast(x, lo, hi []float32) (inside, ok bool) {
	k := elem()
	if k == nil {
		return false, false
	}
	return k.outside(&x[0], &lo[:len(x)][0], &hi[:len(x)][0], len(x)) == 0, true
}

// finiteFast is Finite in assembly; ok reports whether it ran.
func finiteFast(x []float32) (finite, ok bool) {
	k := elem()
	if k == nil {
		return false, false
	}
	return k.infinite(&x[0], len(x)) == 0, true
}
