package kernel

// WeightedRows computes y = Σ w[k]·x[k], x[k] being the len(y) numbers from k·ld on: the sum of one row after another
// or, with fours, of the sums of four rows each, then of what is left. Products and sums are rounded one by one.
func WeightedRows(y, x []float32, ld int, w []float32, fours bool) {
	switch {
	case len(w) == 0 || len(y) == 0:
		clear(y)
	case weightedFast(y, x, ld, w, fours):
	case fours:
		weightedFoursReference(y, x, ld, w)
	default:
		clear(y)
		weightedReference(y, x, ld, w)
	}
}

// WeightedRowsFast tells whether WeightedRows has assembly on the instruction set in use, which makes up for
// transposing what it sums.
func WeightedRowsFast() bool { return weightedAssembly() }

// weightedReference adds the rows to y one by one.
func weightedReference[T Float](y, x []T, ld int, w []T) {
	for k, f := range w {
		for i, v := range x[k*ld:][:len(y)] {
			y[i] += f * v
		}
	}
}

// weightedFoursReference is WeightedRows with fours.
func weightedFoursReference[T Float](y, x []T, ld int, w []T) {
	k := 0
	for ; k+4 <= len(w); k += 4 {
		addFour(y, x[k*ld:], w[k:k+4], ld, k > 0)
	}
	if k == 0 {
		clear(y)
	}
	weightedReference(y, x[min(k*ld, len(x)):], ld, w[k:])
}

// addFour sets y, or adds to it, the sum of four rows of x times their weights.
func addFour[T Float](y, x, w []T, ld int, add bool) {
	f0, f1, f2, f3 := w[0], w[1], w[2], w[3]
	s0, s1, s2, s3 := x[:len(y)], x[ld:][:len(y)], x[2*ld:][:len(y)], x[3*ld:][:len(y)]
	if !add {
		for i := range y {
			y[i] = f0*s0[i] + f1*s1[i] + f2*s2[i] + f3*s3[i]
		}
		return
	}
	for i := range y {
		y[i] += f0*s0[i] + f1*s1[i] + f2*s2[i] + f3*s3[i]
	}
}
