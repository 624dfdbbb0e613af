package kernel

import "unsafe"

// The functions below run on the instruction set in use what their generic forms say, after checking that the
// slices are long enough.

// attnSoftmax is attnSoftmaxGeneric; the rows of x are filled up to whole units of 16 numbers.
func attnSoftmax(x []float32, ld, rows, n int, mask []float32, ldm int, scale float32, top, sum []float32) {
	if rows > 0 && n > 0 {
		_, _, _ = x[(rows-1)*ld+(n-1)|(panelCols-1)], top[rows-1], sum[rows-1]
		attnCheckMask(mask, ldm, rows, n)
		switch cpuCurrent {
		case cpuAVX512:
			attnSoftmaxAVX512(&x[0], uintptr(ld)*4, rows, n, unsafe.SliceData(mask), uintptr(ldm)*4, scale, &top[0], &sum[0])
			return
		case cpuAVX2:
			attnSoftmaxAVX2(&x[0], uintptr(ld)*4, rows, n, unsafe.SliceData(mask), uintptr(ldm)*4, scale, &top[0], &sum[0])
			return
		}
	}
	attnSoftmaxGeneric(x, ld, rows, n, mask, ldm, scale, top, sum)
}

// attnGrad is attnGradGeneric; the rows of x and dp are filled up to whole units of 16 numbers.
func attnGrad(x, dp []float32, ld, rows, n int, mask []float32, ldm int, scale float32, lse, delta []float32) {
	if rows > 0 && n > 0 {
		_, _, _, _ = x[(rows-1)*ld+(n-1)|(panelCols-1)], dp[(rows-1)*ld+(n-1)|(panelCols-1)], lse[rows-1], delta[rows-1]
		attnCheckMask(mask, ldm, rows, n)
		switch cpuCurrent {
		case cpuAVX512:
			attnGradAVX512(&x[0], &dp[0], uintptr(ld)*4, rows, n, unsafe.SliceData(mask), uintptr(ldm)*4, scale, &lse[0], &delta[0])
			return
		case cpuAVX2:
			attnGradAVX2(&x[0], &dp[0], uintptr(ld)*4, rows, n, unsafe.SliceData(mask), uintptr(ldm)*4, scale, &lse[0], &delta[0])
			return
		}
	}
	attnGradGeneric(x, dp, ld, rows, n, mask, ldm, scale, lse, delta)
}

// attnKeptGrad is attnKeptGradGeneric; the rows of p and dp are filled up to whole units of 16 numbers.
func attnKeptGrad(p, dp []float32, ld, rows, n int, scale float32, delta []float32) {
	if rows > 0 && n > 0 {
		last := (rows-1)*ld + (n - 1) | (panelCols - 1)
		_, _, _ = p[last], dp[last], delta[rows-1]
		switch cpuCurrent {
		case cpuAVX512:
			attnKeptGradAVX512(&p[0], &dp[0], uintptr(ld)*4, rows, n, scale, &delta[0])
			return
		case cpuAVX2:
			attnKeptGradAVX2(&p[0], &dp[0], uintptr(ld)*4, rows, n, scale, &delta[0])
			return
		}
	}
	attnKeptGradGeneric(p, dp, ld, rows, n, scale, delta)
}

// attnDot is attnDotGeneric.
func attnDot(x []float32, ldx int, y []float32, ldy, rows, n int, out []float32) {
	if rows > 0 && n > 0 {
		_, _, _ = x[(rows-1)*ldx+n-1], y[(rows-1)*ldy+n-1], out[rows-1]
		switch cpuCurrent {
		case cpuAVX512:
			attnDotAVX512(&x[0], uintptr(ldx)*4, &y[0], uintptr(ldy)*4, rows, n, &out[0])
			return
		case cpuAVX2:
			attnDotAVX2(&x[0], uintptr(ldx)*4, &y[0], uintptr(ldy)*4, rows, n, &out[0])
			return
		}
	}
	attnDotGeneric(x, ldx, y, ldy, rows, n, out)
}

// attnScale is attnScaleGeneric.
func attnScale(x []float32, ld, rows, n int, f []float32) {
	if rows > 0 && n > 0 {
		_, _ = x[(rows-1)*ld+n-1], f[rows-1]
		switch cpuCurrent {
		case cpuAVX512:
			attnScaleAVX512(&x[0], uintptr(ld)*4, rows, n, &f[0])
			return
		case cpuAVX2:
			attnScaleAVX2(&x[0], uintptr(ld)*4, rows, n, &f[0])
			return
		}
	}
	attnScaleGeneric(x, ld, rows, n, f)
}

// attnLogSumExp is attnLogSumExpGeneric for whole units of 16 numbers.
func attnLogSumExp(lse, f, top, sum []float32) {
	if n := len(sum); n > 0 {
		_, _, _ = lse[n-1], f[n-1], top[n-1]
		switch cpuCurrent {
		case cpuAVX512:
			attnLogSumExpAVX512(&lse[0], &f[0], &top[0], &sum[0], n/panelCols)
			return
		case cpuAVX2:
			attnLogSumExpAVX2(&lse[0], &f[0], &top[0], &sum[0], n/panelCols)
			return
		}
	}
	attnLogSumExpGeneric(lse, f, top, sum)
}

// attnCheckMask panics if the mask is there but too short.
func attnCheckMask(mask []float32, ldm, rows, n int) {
	if mask != nil {
		_ = mask[(rows-1)*ldm+n-1]
	}
}
