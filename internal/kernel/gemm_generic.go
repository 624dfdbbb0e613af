package kernel

import "unsafe"

// gemmReference is the meaning of every matrix product here: C = alpha·op(A)·op(B), added to C with
// accumulate. op(A) is m×k, op(B) k×n; element (i, p) of op(A) is a[i*lda+p], or a[p*lda+i] with transA, and
// likewise for B.
func gemmReference[T Float](c []T, ldc int, transA bool, a []T, lda int, transB bool, b []T, ldb, m, n, k int, alpha T, accumulate bool) {
	if transA {
		a = gemmTransposed(a, lda, k, m)
		lda = k
	}
	if !transB {
		b = gemmTransposed(b, ldb, k, n)
		ldb = k
	}
	for i := range m {
		for j := range n {
			var sum T
			if accumulate {
				sum = c[i*ldc+j]
			}
			for p, v := range a[i*lda : i*lda+k] {
				sum += v * (alpha * b[j*ldb+p])
			}
			c[i*ldc+j] = sum
		}
	}
}

// gemmTransposed returns the n×m transpose of the m×n matrix a.
func gemmTransposed[T Float](a []T, lda, m, n int) []T {
	t := make([]T, m*n)
	for i := range m {
		for j := range n {
			t[j*m+i] = a[i*lda+j]
		}
	}
	return t
}

// gemmKernelGeneric is the micro-kernel in plain Go: two rows by four columns at a time, so that the sums stay
// in registers. The conversions keep products and sums rounded separately on every architecture.
func gemmKernelGeneric(g *gemmTile) {
	row, step := g.lda/4, uintptr(1)
	if g.transA != 0 {
		row, step = 1, g.lda/4
	}
	for i := 0; i < g.rows; i += 2 {
		next := uintptr(1)
		if i+1 == g.rows {
			next = 0
		}
		for j := 0; j < g.cols; j += 4 {
			gemmGeneric2x4(g, i, next, j, row, step)
		}
	}
}

// gemmGeneric2x4 computes rows i and i+next (next is 0 or 1), columns j to j+3.
func gemmGeneric2x4(g *gemmTile, i int, next uintptr, j int, row, step uintptr) {
	s := (*[4]float32)(unsafe.Pointer(gemmAt(g.start, 4, j+i*int(g.ldstart/4))))
	t := (*[4]float32)(unsafe.Pointer(gemmAt(g.start, 4, j+(i+int(next))*int(g.ldstart/4))))
	s0, s1, s2, s3 := s[0], s[1], s[2], s[3]
	t0, t1, t2, t3 := t[0], t[1], t[2], t[3]
	for p := range uintptr(g.k) {
		b := (*[4]float32)(unsafe.Pointer(gemmAt(g.b, 4, j%panelCols+int(uintptr(j/panelCols)*g.bPanel/4+p*panelCols))))
		x := *gemmAt(g.a, 4, int(uintptr(i)*row+p*step))
		y := *gemmAt(g.a, 4, int((uintptr(i)+next)*row+p*step))
		s0 += float32(x * b[0])
		s1 += float32(x * b[1])
		s2 += float32(x * b[2])
		s3 += float32(x * b[3])
		t0 += float32(y * b[0])
		t1 += float32(y * b[1])
		t2 += float32(y * b[2])
		t3 += float32(y * b[3])
	}
	*(*[4]float32)(unsafe.Pointer(gemmAt(g.c, 4, j+i*int(g.ldc/4)))) = [4]float32{s0, s1, s2, s3}
	*(*[4]float32)(unsafe.Pointer(gemmAt(g.c, 4, j+(i+int(next))*int(g.ldc/4)))) = [4]float32{t0, t1, t2, t3}
}

// gemmAddGeneric adds the rows of x to those of y.
func gemmAddGeneric(y []float32, ldy int, x []float32, ldx, rows, n int) {
	for i := range rows {
		for j, v := range x[i*ldx : i*ldx+n] {
			y[i*ldy+j] += v
		}
	}
}
