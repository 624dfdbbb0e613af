package kernel

// PeakLoop runs rounds of independent fused multiply-adds on registers and returns how many floating-point
// operations it did. Its speed is the ceiling against which matrix products are measured; the generic path,
// whose ceiling depends on the compiler, returns 0.
func PeakLoop(rounds int) (flops int) {
	if rounds <= 0 {
		return 0
	}
	return rounds * gemmPeak(rounds)
}
