package kernel

// gemmKernel computes one tile on the instruction set in use.
func gemmKernel(g *gemmTile) { gemmKernelGeneric(g) }
