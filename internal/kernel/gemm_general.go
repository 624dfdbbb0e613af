package kernel

// gemmGeneralDepth and gemmGeneralCols bound the block of op(B) that Gemm packs at a time.
const (
	gemmGeneralDepth = 768
	gemmGeneralCols  = 512
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
	panels := packAlign(scratch)
	if !transA {
		if ld := gemmPaddedStride(lda, m, k); ld != lda {
			a, lda = gemmCopyRows(panels, ld, a, lda, m, k), ld
			panels = packAlign(panels[m*ld:])
		}
	}
	t := gemmTask{c: c, ldc: ldc, a: a, lda: lda, transA: transA, m: m}
	for j := 0; j < n; j += gemmGeneralCols {
		cols := min(gemmGeneralCols, n-j)
		t.c, t.start, t.ldstart = c[j:], nil, 0
		if accumulate {
			t.start, t.ldstart = t.c, ldc
		}
		for p := 0; ; p += gemmGeneralDepth {
			t.k = min(gemmGeneralDepth, k-p)
			t.bPanel = panelCols * t.k
			if t.k > 0 {
				t.a = a[t.aIndex(0, p):]
				t.b = panels[:packLen(t.k, cols)]
				gemmPackBlock(t.b, b, ldb, transB, p, j, t.k, cols, alpha)
			}
			t.run(0, cols)
			if p+t.k >= k {
				break
			}
			t.start, t.ldstart = t.c, ldc
		}
	}
}

// GemmScratch returns how many floats of scratch Gemm needs.
func GemmScratch(m, n, k int) int {
	return packLen(min(k, gemmGeneralDepth), min(n, gemmGeneralCols)) + m*(k+32) + 2*panelCols
}

// gemmPackBlock packs k rows from p on and n columns from j on of op(B), times alpha.
func gemmPackBlock(dst, b []float32, ldb int, transB bool, p, j, k, n int, alpha float32) {
	if transB {
		packPanels(dst, b[j*ldb+p:], ldb, true, k, n, alpha)
	} else {
		packPanels(dst, b[p*ldb+j:], ldb, false, k, n, alpha)
	}
}
