package kernel

// The rows of pooling layers are short and their starts odd, so these run in vectors of eight on every processor that
// has them. Each returns how many elements it did, from the first on.

const poolLanes = 8

// poolRun is how many of n elements can be done in whole vectors when they are step apart and length are readable.
func poolRun(n, length, step int) int {
	if elem() == nil {
		return 0
	}
	return min(n, length/step) / poolLanes * poolLanes
}

// evensFast does takeEvery for a step of two.
func evensFast(dst, src []float32) int {
	n := poolRun(len(dst), len(src), 2)
	if n > 0 {
		elemKernelsAVX2.evens(&dst[0], &src[0], n)
	}
	return n
}

// addTakenFast does addTaken for steps of one and two.
func addTakenFast[T Float](y, x []T, step int) int {
	to, ok := any(y).([]float32)
	if !ok || step > 2 {
		return 0
	}
	from := any(x).([]float32)
	n := poolRun(len(to), len(from), step)
	switch {
	case n == 0:
	case step == 1:
		elemKernelsAVX2.binary[Add](&to[0], &to[0], &from[0], n)
	default:
		elemKernelsAVX2.addEvens(&to[0], &from[0], n)
	}
	return n
}

// largerFast does takeLarger for steps of one and two.
func largerFast[T Float](y []T, where []int32, x []T, at, step int) int {
	to, ok := any(y).([]float32)
	if !ok || step > 2 {
		return 0
	}
	from := any(x).([]float32)
	n := poolRun(len(to), len(from), step)
	switch {
	case n == 0:
	case step == 1:
		elemKernelsAVX2.larger1(&to[0], &where[:n][0], &from[0], int32(at), n)
	default:
		elemKernelsAVX2.larger2(&to[0], &where[:n][0], &from[0], int32(at), n)
	}
	return n
}
