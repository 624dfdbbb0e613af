package kernel

// StridedCopy copies an array of the given shape between two layouts, given by their strides in elements.
// A source stride of 0 repeats. Slice the arguments to start elsewhere; for negative strides use StridedCopyAt.
func StridedCopy[T any](dst []T, dstStride []int, src []T, srcStride []int, shape []int) {
	StridedCopyAt(dst, 0, dstStride, src, 0, srcStride, shape)
}

// StridedCopyAt is StridedCopy with the position of the first element in each slice, so that strides may be negative.
func StridedCopyAt[T any](dst []T, dstAt int, dstStride []int, src []T, srcAt int, srcStride []int, shape []int) {
	if count(shape) == 0 {
		return
	}
	outer, n := splitRun(shape, dstStride, srcStride)
	if n > 1 {
		for i, rows := 0, count(shape[:outer]); i < rows; i++ {
			d, s := dstAt+offset(i, shape[:outer], dstStride), srcAt+offset(i, shape[:outer], srcStride)
			copy(dst[d:d+n], src[s:s+n])
		}
		return
	}
	last, dstep, sstep := lastAxis(shape, dstStride, srcStride)
	for i, rows := 0, count(shape)/last; i < rows; i++ {
		d, s := dstAt+rowOffset(i, shape, dstStride), srcAt+rowOffset(i, shape, srcStride)
		for range last {
			dst[d] = src[s]
			d, s = d+dstep, s+sstep
		}
	}
}

// StridedAdd adds src to dst element by element; a destination stride of 0 sums.
func StridedAdd(dst []float32, dstStride []int, src []float32, srcStride []int, shape []int) {
	StridedAddAt(dst, 0, dstStride, src, 0, srcStride, shape)
}

// StridedAddAt is StridedAdd with the position of the first element in each slice, so that strides may be negative.
func StridedAddAt(dst []float32, dstAt int, dstStride []int, src []float32, srcAt int, srcStride []int, shape []int) {
	if count(shape) == 0 {
		return
	}
	outer, n := splitRun(shape, dstStride, srcStride)
	if n > 1 {
		for i, rows := 0, count(shape[:outer]); i < rows; i++ {
			d, s := dstAt+offset(i, shape[:outer], dstStride), srcAt+offset(i, shape[:outer], srcStride)
			AddTo(dst[d:d+n], src[s:s+n])
		}
		return
	}
	last, dstep, sstep := lastAxis(shape, dstStride, srcStride)
	for i, rows := 0, count(shape)/last; i < rows; i++ {
		d, s := dstAt+rowOffset(i, shape, dstStride), srcAt+rowOffset(i, shape, srcStride)
		for range last {
			dst[d] += src[s]
			d, s = d+dstep, s+sstep
		}
	}
}

// splitRun returns how many leading axes remain when the trailing ones that are contiguous on both sides are one run
// of n elements.
func splitRun(shape, a, b []int) (outer, n int) {
	outer, n = len(shape), 1
	for outer > 0 && (shape[outer-1] == 1 || a[outer-1] == n && b[outer-1] == n) {
		outer--
		n *= shape[outer]
	}
	return outer, n
}

func lastAxis(shape, a, b []int) (n, astep, bstep int) {
	if len(shape) == 0 {
		return 1, 0, 0
	}
	l := len(shape) - 1
	return shape[l], a[l], b[l]
}

// rowOffset is offset with the last axis left out.
func rowOffset(i int, shape, stride []int) int {
	if len(shape) == 0 {
		return 0
	}
	return offset(i, shape[:len(shape)-1], stride)
}
