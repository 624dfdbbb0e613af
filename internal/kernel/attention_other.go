//go:build !amd64

package kernel

func attnSoftmax(x []float32, ld, rows, n int, mask []float32, ldm int, scale float32, top, sum []float32) {
	attnSoftmaxGeneric(x, ld, rows, n, mask, ldm, scale, top, sum)
}

func attnGrad(x, dp []float32, ld, rows, n int, mask []float32, ldm int, scale float32, lse, delta []float32) {
	attnGradGeneric(x, dp, ld, rows, n, mask, ldm, scale, lse, delta)
}

func attnKeptGrad(p, dp []float32, ld, rows, n int, scale float32, delta []float32) {
	attnKeptGradGeneric(p, dp, ld, rows, n, scale, delta)
}

func attnDot(x []float32, ldx int, y []float32, ldy, rows, n int, out []float32) {
	attnDotGeneric(x, ldx, y, ldy, rows, n, out)
}

func attnScale(x []float32, ld, rows, n int, f []float32) { attnScaleGeneric(x, ld, rows, n, f) }

func attnLogSumExp(lse, f, top, sum []float32) { attnLogSumExpGeneric(lse, f, top, sum) }
