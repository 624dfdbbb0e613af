package kernel

import "unsafe"

// attnSoftmax is attnSoftmaxGeneric on the instruction set in use; x and mask are whole units of 16 numbers.
func attnSoftmax(x, mask []float32, scale float32) (top, sum float32) {
	if len(x) > 0 {
		switch cpuCurrent {
		case cpuAVX512:
			return attnSoftmaxAVX512(&x[0], unsafe.SliceData(mask), len(x)/panelCols, scale)
		case cpuAVX2:
			return attnSoftmaxAVX2(&x[0], unsafe.SliceData(mask), len(x)/panelCols, scale)
		}
	}
	return attnSoftmaxGeneric(x, mask, scale)
}

// attnGradient is attnGradientGeneric on the instruction set in use.
func attnGradient(x, dp, mask []float32, scale, lse, delta float32) {
	if len(x) > 0 {
		switch cpuCurrent {
		case cpuAVX512:
			attnGradAVX512(&x[0], &dp[0], unsafe.SliceData(mask), len(x)/panelCols, scale, lse, delta)
			return
		case cpuAVX2:
			attnGradAVX2(&x[0], &dp[0], unsafe.SliceData(mask), len(x)/panelCols, scale, lse, delta)
			return
		}
	}
	attnGradientGeneric(x, dp, mask, scale, lse, delta)
}

// attnDot is the inner product of whole units.
func attnDot(x, y []float32) float32 {
	if len(x) > 0 {
		switch cpuCurrent {
		case cpuAVX512:
			return attnDotAVX512(&x[0], &y[0], len(x)/panelCols)
		case cpuAVX2:
			return attnDotAVX2(&x[0], &y[0], len(x)/panelCols)
		}
	}
	return attnDotGeneric(x, y)
}

// attnScale multiplies whole units by f.
func attnScale(x []float32, f float32) {
	if len(x) > 0 {
		switch cpuCurrent {
		case cpuAVX512:
			attnScaleAVX512(&x[0], len(x)/panelCols, f)
			return
		case cpuAVX2:
			attnScaleAVX2(&x[0], len(x)/panelCols, f)
			return
		}
	}
	attnScaleGeneric(x, f)
}

// gemmAdd adds whole units.
func gemmAdd(y, x []float32) {
	if len(y) > 0 {
		switch cpuCurrent {
		case cpuAVX512:
			gemmAddAVX512(&y[0], &x[0], len(y)/panelCols)
			return
		case cpuAVX2:
			gemmAddAVX2(&y[0], &x[0], len(y)/panelCols)
			return
		}
	}
	gemmAddGeneric(y, x)
}

// packRows copies rows of 16 numbers; the slices have been checked.
func packRows(dst, src []float32, ld, rows int) bool {
	switch cpuCurrent {
	case cpuAVX512:
		packRowsAVX512(&dst[0], &src[0], uintptr(ld)*4, rows)
	case cpuAVX2:
		packRowsAVX2(&dst[0], &src[0], uintptr(ld)*4, rows)
	default:
		return false
	}
	return true
}

// packTranspose transposes 16 rows of 16·blocks numbers; the slices have been checked.
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
