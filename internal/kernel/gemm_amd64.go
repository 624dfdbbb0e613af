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
