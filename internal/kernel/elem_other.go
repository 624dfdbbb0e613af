//go:build !amd64

package kernel

// These kernels have assembly for amd64 only: every function below reports that it did not run.

func binaryFast(b Binary, z, x []float32, dx int, y []float32, dy int) bool { return false }

func mapBothFast(u Unary, y, s, x []float32) bool { return false }

func axpyFast(y []float32, a float32, x []float32) bool { return false }

func scaleFast(y []float32, a float32, x []float32) bool { return false }

func dotFast(x, y []float32) (float64, bool) { return 0, false }

func foldFast(k Reduce, a accumulator, x []float32) (float64, bool) { return 0, false }

func softmaxGradFast(dx, dy, y []float32, rows, n int) bool { return false }

func layerNormFast(y, x, gamma, beta, mean, rstd []float32, rows, n int, eps float32) bool {
	return false
}

func layerNormGradFast(dx, dy, x, gamma, mean, rstd, add []float32, rows, n int) bool { return false }

func rmsNormFast(y, x, gamma, rstd []float32, rows, n int, eps float32) bool { return false }

func rmsNormGradFast(dx, dy, x, gamma, rstd, add []float32, rows, n int) bool { return false }

func groupNormFast(y, x, gamma, beta, mean, rstd []float32, groups, c, plane int, eps float32) bool {
	return false
}

func groupNormGradFast(dx, dy, x, gamma, mean, rstd, add []float32, groups, c, plane int) bool {
	return false
}

func correlateFast(c *correlation, y, x []float32, at int, w []float32, start float32) bool {
	return false
}

func correlateTapsFast(c *correlation, dw, dy, x, sums []float32) bool { return false }

func columnsFast(r Reduce, y, x []float32, stride, rows int) bool { return false }

func logSoftmaxFast(y, x []float32, rows, n int) bool { return false }

func logSoftmaxGradFast(dx, dy, y []float32, rows, n int) bool { return false }

func layerNormWeightGradFast(dgamma, dbeta, dy, x, mean, rstd []float32, rows, n int) bool {
	return false
}

func evensFast(dst, src []float32) int { return 0 }

func addTakenFast[T Float](y, x []T, step int) int { return 0 }

func largerFast[T Float](y []T, where []int32, x []T, at, step int) int { return 0 }

func transposeFast[T any](y []T, ldy int, x []T, ldx, rows, cols int) bool { return false }

func weightedAssembly() bool { return false }

func weightedFast(y, x []float32, ld int, w []float32, fours bool) bool { return false }

func clampFast(x, lo, hi []float32) bool { return false }

func addSignedFast(x, g []float32, a float32) bool { return false }

func insideFast(x, lo, hi []float32) (inside, ok bool) { return false, false }

func finiteFast(x []float32) (finite, ok bool) { return false, false }
