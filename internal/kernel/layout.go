package kernel

// contiguous returns the row-major strides of a shape.
func contiguous(shape []int) []int {
	stride := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		stride[i] = step
		step *= shape[i]
	}
	return stride
}

// count returns the number of elements of a shape.
func count(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// collapse drops axes of size one and merges neighbouring axes that every given set of strides walks as one.
// It works in place and returns how many axes are left.
func collapse(size []int, strides ...[]int) int {
	kept := 0
	for axis, n := range size {
		if n == 1 {
			continue
		}
		merge := kept > 0
		for _, s := range strides {
			merge = merge && s[kept-1] == s[axis]*n
		}
		if merge {
			kept--
			n *= size[kept]
		}
		size[kept] = n
		for _, s := range strides {
			s[kept] = s[axis]
		}
		kept++
	}
	return kept
}

// offset returns where the i-th element of a grid lies.
func offset(i int, size, stride []int) int {
	at := 0
	for axis := len(size) - 1; axis > 0; axis-- {
		at += i % size[axis] * stride[axis]
		i /= size[axis]
	}
	if len(size) > 0 {
		at += i * stride[0]
	}
	return at
}
