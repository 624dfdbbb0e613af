package kernel

// gemmKernel computes one tile on the instruction set in use.
func gemmKernel(g *gemmTile) {
	switch {
	case cpuCurrent == cpuAVX512 && g.cols > panelCols:
		gemmAVX512x32(g)
	case cpuCurrent == cpuAVX512:
		gemmAVX512x16(g)
	case cpuCurrent == cpuAVX2:
		gemmAVX2x16(g)
	default:
		gemmKernelGeneric(g)
	}
}

// gemmPeak runs rounds of multiply-adds and returns the operations of one round.
func gemmPeak(rounds int) int {
	switch cpuCurrent {
	case cpuAVX512:
		gemmPeakAVX512(rounds)
		return 24 * 16 * 2
	case cpuAVX2:
		gemmPeakAVX2(rounds)
		return 12 * 8 * 2
	}
	return 0
}

// gemmAdd is gemmAddGeneric.
func gemmAdd(y []float32, ldy int, x []float32, ldx, rows, n int) {
	if rows > 0 && n > 0 {
		_, _ = y[(rows-1)*ldy+n-1], x[(rows-1)*ldx+n-1]
		switch cpuCurrent {
		case cpuAVX512:
			gemmAddAVX512(&y[0], uintptr(ldy)*4, &x[0], uintptr(ldx)*4, rows, n)
			return
		case cpuAVX2:
			gemmAddAVX2(&y[0], uintptr(ldy)*4, &x[0], uintptr(ldx)*4, rows, n)
			return
		}
	}
	gemmAddGeneric(y, ldy, x, ldx, rows, n)
}
