//go:build !amd64

package kernel

func attnSoftmax(x, mask []float32, scale float32) (top, sum float32) {
	return attnSoftmaxGeneric(x, mask, scale)
}

func attnGradient(x, dp, mask []float32, scale, lse, delta float32) {
	attnGradientGeneric(x, dp, mask, scale, lse, delta)
}

func attnDot(x, y []float32) float32 { return attnDotGeneric(x, y) }

func attnScale(x []float32, f float32) { attnScaleGeneric(x, f) }

func gemmAdd(y, x []float32) { gemmAddGeneric(y, x) }

func packRows(dst, src []float32, ld, rows int) bool { return false }

func packTranspose(dst, src []float32, ld, blocks int) bool { return false }
