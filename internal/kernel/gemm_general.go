package kernel

// Gemm works on a block of op(B) of gemmGeneralDepth × gemmGeneralCols, packed into the scratch memory, and within
// it on blocks of op(A) of gemmBlockFloats.
const (
	gemmGeneralDepth = 512
	gemmGeneralCols  = 1024
)

// Gemm computes C = alpha·op(A)·op(B), or adds it to C with accumulate. op(A) is m×k with element (i, p) at
// a[i*lda+p], or at a[p*lda+i] with transA; op(B) is k×n with element (p, j) at b[p*ldb+j], or at b[j*ldb+p]
// with transB; C is m×n. The sums take their products in the order of p whatever m and n are.
//
// scratch holds at least GemmScratch(m, n, k) floats.
func Gemm(c []float32, ldc int, transA bool, a []float32, lda int, transB bool, b []float32, ldb, m, n, k int, alpha float32, accumulate bool, scratch []float32) {
	if m <= 0 || n <= 0 {
		return
	}
	packed := attnCut(&scratch, packLen(min(k, gemmGeneralDepth), min(n, gemmGeneralCols)))
	for j := 0; j < n; j += gemmGeneralCols {
		cols := min(gemmGeneralCols, n-j)
		for p := 0; ; p += gemmGeneralDepth {
			depth := min(gemmGeneralDepth, k-p)
			if depth > 0 {
				gemmPackBlock(packed, b, ldb, transB, p, j, depth, cols, alpha)
			}
			t := gemmTask{c: c[j:], ldc: ldc, a: a, lda: lda, transA: transA, m: m, k: depth, b: packed, bPanel: panelCols * depth}
			if accumulate || p > 0 {
				t.start, t.ldstart = t.c, ldc
			}
			t.general(p, cols, scratch)
			if p+depth >= k {
				break
			}
		}
	}
}

// GemmScratch returns how many floats of scratch Gemm needs.
func GemmScratch(m, n, k int) int {
	depth := min(k, gemmGeneralDepth)
	rows := gemmGeneralRows(m, depth)
	return packLen(depth, min(n, gemmGeneralCols)) + rows*(depth+2*panelCols) + 4*panelCols
}

// gemmGeneralRows is how many of m rows of op(A) make a block.
func gemmGeneralRows(m, depth int) int {
	blocks := m*depth/gemmBlockFloats + 1
	return min(m, attnUnits((m+blocks-1)/blocks))
}

// gemmPackBlock packs k rows from p on and n columns from j on of op(B), times alpha.
func gemmPackBlock(dst, b []float32, ldb int, transB bool, p, j, k, n int, alpha float32) {
	if transB {
		packPanels(dst, b[j*ldb+p:], ldb, true, k, n, alpha)
	} else {
		packPanels(dst, b[p*ldb+j:], ldb, false, k, n, alpha)
	}
}

// general computes n columns over the steps of k from p on, one block of rows after another. A block of op(A) that
// lies badly in memory, transposed or with rows that fall into the same cache sets, is copied first.
func (t *gemmTask) general(p, n int, scratch []float32) {
	rows := gemmGeneralRows(t.m, t.k)
	for i := 0; i < t.m; i += rows {
		u := *t
		u.m = min(rows, t.m-i)
		u.c = t.c[i*t.ldc:]
		if t.start != nil {
			u.start = u.c
		}
		if t.k > 0 {
			u.a = t.a[t.aIndex(i, p):]
			u.arrange(n, scratch)
		}
		u.run(0, n)
	}
}

// arrange replaces A by a copy if that is worth it.
func (t *gemmTask) arrange(n int, scratch []float32) {
	if t.transA {
		if n >= gemmPackCols && t.m > 1 {
			t.a, t.aTiles = t.packTiles(scratch), true
		}
		return
	}
	if ld := gemmPaddedStride(t.lda, t.m, n, t.k); ld != t.lda {
		t.a, t.lda = gemmCopyRows(scratch, ld, t.a, t.lda, t.m, t.k), ld
	}
}

// gemmPackCols is from how many columns on a transposed A is copied.
const gemmPackCols = 96

// packTiles copies a transposed A tile by tile, each as k rows of the tile's height, one after another. It copies 16
// numbers at a time where it can; those behind a row are overwritten by the next.
func (t *gemmTask) packTiles(scratch []float32) []float32 {
	dst := packAlign(scratch)
	tiles := t.tiles()
	for i, n := 0, 0; n < tiles; n++ {
		rows := t.tileRows(i, n, tiles)
		to := dst[i*t.k : (i+rows)*t.k+panelCols]
		if (t.k-1)*t.lda+i+panelCols > len(t.a) || !packRows(to, rows, t.a[i:], t.lda, t.k) {
			for p := range t.k {
				copy(to[p*rows:], t.a[p*t.lda+i:p*t.lda+i+rows])
			}
		}
		i += rows
	}
	return dst
}
