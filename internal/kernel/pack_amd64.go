package kernel

// packRows copies rows of 16 numbers, ld apart, to places to apart, and reports whether this instruction set can; the
// slices have been checked.
func packRows(dst []float32, to int, src []float32, ld, rows int) bool {
	switch cpuCurrent {
	case cpuAVX512:
		packRowsAVX512(&dst[0], uintptr(to)*4, &src[0], uintptr(ld)*4, rows)
	case cpuAVX2:
		packRowsAVX2(&dst[0], uintptr(to)*4, &src[0], uintptr(ld)*4, rows)
	default:
		return false
	}
	return true
}

// packTranspose transposes 16 rows of 16·blocks numbers and reports whether this instruction set can; the slices
// have been checked.
func packTranspose(dst, src []float32, ld, blocks int) bool {
	switch cpuCurrent {
	case cpuAVX512:
		packTransposeAVX512(&dst[0], &src[0], uintptr(ld)*4, blocks)
	case cpuAVX2:
		packTransposeAVX2(&dst[0], &src[0], uintptr(ld)*4, blocks)
	default:
		return false
	}
	return true
}

// packWiden converts whole units of 16 numbers and reports whether this instruction set can.
func packWiden(f halfFormat, dst []float32, src []uint16) bool {
	switch {
	case cpuCurrent == cpuAVX512 && f == halfFloat16:
		packWidenFloat16AVX512(&dst[0], &src[0], len(src)/panelCols)
	case cpuCurrent == cpuAVX512:
		packWidenBFloat16AVX512(&dst[0], &src[0], len(src)/panelCols)
	case cpuCurrent == cpuAVX2 && f == halfFloat16:
		packWidenFloat16AVX2(&dst[0], &src[0], len(src)/panelCols)
	case cpuCurrent == cpuAVX2:
		packWidenBFloat16AVX2(&dst[0], &src[0], len(src)/panelCols)
	default:
		return false
	}
	return true
}
