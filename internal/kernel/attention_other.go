//go:build !amd64

package kernel

func attnSoftmax(x []float32, ld, rows, n int, mask []float32, ldm int, scale float32, top, sum []float32) {
	attnSoftmaxGeneric(x, ld, rows, n, mask, ldm, scale, top, sum)
}

func attnGrad(x, dp []float32, ld, rows, n int, mask []float32, ldm int, scale float32, lse, delta []float32) {
	attnGradGeneric(x, dp, ld, rows, n, mask, ldm, scale, lse, delta)
}

func attnDot(x []float32, ldx int, y []float32, ldy, rows, n int, out []float32) {
	attnDotGeneric(x, ldx, y, ldy, rows, n, out)
}

func attnScale(x []float32, ld, rows, n int, f []float32) { attnScaleGeneric(x, ld, rows, n, f) }

func gemmAdd(y []float32, ldy int, x []float32, ldx, rows, n int) {
	gemmAddGeneric(y, ldy, x, ldx, rows, n)
}

func attnLogSumExp(lse, f, top, sum []float32) { attnLogSumExpGeneric(lse, f, top, sum) }

func packRows(dst []float32, to int, src []float32, ld, rows int) bool { return false }

func packTranspose(dst, src []float32, ld, blocks int) bool { return false }

func packWiden(f halfFormat, dst []float32, src []uint16) bool { return false }
