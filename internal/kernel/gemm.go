package kernel

// Epilogue is what happens to a product before it is final: C = Act(A·B + Bias) + Add. The zero value, like
// nil, does nothing.
type Epilogue struct {
	Bias  []float32 // one value per column, or nil
	Act   Unary     // applied after the bias
	Slope []float32 // if not nil, receives Act'(A·B + Bias): row i, column j at i*LdSlope+j
	Add   []float32 // added after Act if not nil, such as a residual: row i, column j at i*LdAdd+j

	LdSlope, LdAdd int
}

// GemmPacked computes columns n0 ≤ j < n1 of C = A·B, or of C += A·B with accumulate, followed by ep. A is
// m×B.K, element (i, p) at a[i*lda+p]; C is m×B.N, element (i, j) at c[i*ldc+j] whatever n0 is. The columns of
// C outside the range are not touched. Add may be c itself; no other overlap is allowed.
//
// Every sum starts at the bias (or at C) and takes its products in the order of p, so an element's value
// depends neither on the column range nor on which rows are computed together.
//
// scratch holds at least GemmPackedScratch(m, b, lda) floats.
func GemmPacked(c []float32, ldc int, a []float32, lda, m int, b *PackedB, accumulate bool, ep *Epilogue, n0, n1 int, scratch []float32) {
	if m <= 0 || n0 >= n1 {
		return
	}
	if ep == nil {
		ep = &gemmNoEpilogue
	}
	t := gemmTask{c: c, ldc: ldc, a: a, lda: lda, m: m, k: b.K, b: b.data, bPanel: panelCols * b.K}
	if b.half != nil {
		t.half, t.format, t.b = b.half, b.format, attnCut(&scratch, gemmWideLen(b.K))
	}
	if ld := gemmPaddedStride(lda, m, b.N, b.K); ld != lda {
		t.a, t.lda = gemmCopyRows(scratch, ld, a, lda, m, b.K), ld
	}
	switch {
	case accumulate:
		t.start, t.ldstart = c, ldc
	case ep.Bias != nil:
		t.start, t.ldstart = ep.Bias, 0
	}
	blocks := m*min(b.K, gemmShapes[cpuCurrent].depth)/gemmBlockFloats + 1
	for i := 0; blocks > 0; blocks-- {
		rows := min(m-i, attnUnits((m-i+blocks-1)/blocks))
		t.rows(i, rows, accumulate, ep, n0, n1)
		i += rows
	}
}

// rows computes the rows i ≤ r < i+m in chunks of columns, with the epilogue.
func (t *gemmTask) rows(i, m int, accumulate bool, ep *Epilogue, n0, n1 int) {
	u := *t
	u.a, u.c, u.m = t.a[i*t.lda:], t.c[i*t.ldc:], m
	if t.start != nil {
		u.start = t.start[i*t.ldstart:]
	}
	for j := n0; j < n1; {
		end := min(n1, (j/gemmChunk+1)*gemmChunk)
		if accumulate && ep.Bias != nil {
			gemmAdd(u.c[j:], u.ldc, ep.Bias[j:], 0, m, end-j)
		}
		u.run(j, end)
		ep.apply(u.c, u.ldc, i, m, j, end)
		j = end
	}
}

// GemmPackedScratch returns how many floats of scratch GemmPacked needs for m rows of A at stride lda.
func GemmPackedScratch(m int, b *PackedB, lda int) int {
	n := 0
	if ld := gemmPaddedStride(lda, m, b.N, b.K); ld != lda {
		n = m*ld + panelCols
	}
	if b.half != nil {
		n += gemmWideLen(b.K) + panelCols
	}
	return n
}

// gemmWideLen is the number of floats that a strip of a compressed matrix of depth k needs once widened.
func gemmWideLen(k int) int { return 2 * panelCols * min(k, gemmHalfDepth) }

// gemmChunk is how many columns are finished before their epilogue runs: few enough for the rows of C to be
// still in the second-level cache, enough for long vectors in the activation.
const gemmChunk = 256

// gemmBlockFloats bounds the part of A that is read again for every strip of columns, so that it stays in the
// second-level cache.
const gemmBlockFloats = 240 << 10

var gemmNoEpilogue Epilogue

// apply runs the epilogue's part that follows the sums on columns n0 ≤ j < n1 of m rows, which are those from
// first on of the whole product.
func (ep *Epilogue) apply(c []float32, ldc, first, m, n0, n1 int) {
	if ep.Act == NoUnary && ep.Add == nil {
		return
	}
	for i := range m {
		row := c[i*ldc+n0 : i*ldc+n1]
		switch {
		case ep.Act == NoUnary:
		case ep.Slope != nil:
			MapBoth(ep.Act, row, ep.Slope[(first+i)*ep.LdSlope+n0:(first+i)*ep.LdSlope+n1], row)
		default:
			Map(ep.Act, row, row)
		}
	}
	if ep.Add != nil {
		gemmAdd(c[n0:], ldc, ep.Add[first*ep.LdAdd+n0:], ep.LdAdd, m, n1-n0)
	}
}

// gemmCopyRows copies m rows of k floats to scratch at stride ld and returns them.
func gemmCopyRows(scratch []float32, ld int, a []float32, lda, m, k int) []float32 {
	s := packAlign(scratch)
	for i := range m {
		copy(s[i*ld:i*ld+k], a[i*lda:i*lda+k])
	}
	return s
}

// gemmPaddedStride returns the row stride at which A should be read: lda itself, unless so many of the rows
// that a tile reads side by side fall into the same cache sets that they would evict one another.
func gemmPaddedStride(lda, m, n, k int) int {
	if lda*4%2048 != 0 || m < gemmPadRows || n < gemmPadCols || k < gemmPadDepth {
		return lda
	}
	return (k+15)/16*16 + 16
}

const (
	gemmPadRows  = 9   // fewer rows share a set peacefully
	gemmPadCols  = 512 // fewer columns and depths are not worth a copy
	gemmPadDepth = 64
)
