package kernel

// elem returns the assembly kernels of the instruction set in use, or nil if it has none.
func elem() *elemKernels {
	switch cpuCurrent {
	case cpuAVX512:
		return &elemKernelsAVX512
	case cpuAVX2:
		return &elemKernelsAVX2
	}
	return nil
}
