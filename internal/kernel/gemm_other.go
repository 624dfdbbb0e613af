//go:build !amd64 && !arm64

package kernel

// gemmKernel computes one tile on the instruction set in use.
func gemmKernel(g *gemmTile) { gemmKernelGeneric(g) }

// gemmPeak runs rounds of multiply-adds and returns the operations of one round.
func gemmPeak(rounds int) int { return 0 }

// gemmAdd is gemmAddGeneric.
func gemmAdd(y []float32, ldy int, x []float32, ldx, rows, n int) {
	gemmAddGeneric(y, ldy, x, ldx, rows, n)
}
