package kernel

// Im2Col lays out one group of an image so that its convolution is a matrix product: row (c, kh, kw) of col, of
// (C/Groups·Kh·Kw) × (Oh·Ow), holds what the weight (c, kh, kw) meets at every output position, zero in the padding.
func Im2Col(col, x []float32, s *ConvShape, group int) { im2colRows(col, x, s, group, 0, s.Oh) }

// Col2Im is the transpose of Im2Col: it adds every entry of col to the input position it was read from.
func Col2Im(dx, col []float32, s *ConvShape, group int) { col2imRows(dx, col, s, group, 0, s.Oh) }

// im2colRows does the output rows lo ≤ oh < hi, of which col holds nothing else.
func im2colRows(col, x []float32, s *ConvShape, group, lo, hi int) {
	cg := s.C / s.Groups
	x = x[group*cg*s.H*s.W : (group+1)*cg*s.H*s.W]
	at := 0
	for k, n := 0, s.depth(); k < n; k++ {
		c, kh, kw := k/(s.Kh*s.Kw), k/s.Kw%s.Kh, k%s.Kw
		shift := kw*s.Dw - s.Pl
		first, last := inside(s.Ow, s.W, s.Sw, shift)
		for oh := lo; oh < hi; oh++ {
			row := col[at : at+s.Ow]
			at += s.Ow
			ih := oh*s.Sh + kh*s.Dh - s.Pt
			if ih < 0 || ih >= s.H || first == last {
				clear(row)
				continue
			}
			clear(row[:first])
			takeEvery(row[first:last], x[(c*s.H+ih)*s.W+first*s.Sw+shift:], s.Sw)
			clear(row[last:])
		}
	}
}

// takeEvery computes dst[i] = src[i·step].
func takeEvery(dst, src []float32, step int) {
	done := 0
	switch step {
	case 1:
		copy(dst, src)
		return
	case 2:
		done = evensFast(dst, src)
	}
	for i := done; i < len(dst); i++ {
		dst[i] = src[i*step]
	}
}

func col2imRows(dx, col []float32, s *ConvShape, group, lo, hi int) {
	cg := s.C / s.Groups
	dx = dx[group*cg*s.H*s.W : (group+1)*cg*s.H*s.W]
	at := 0
	for k, n := 0, s.depth(); k < n; k++ {
		c, kh, kw := k/(s.Kh*s.Kw), k/s.Kw%s.Kh, k%s.Kw
		shift := kw*s.Dw - s.Pl
		first, last := inside(s.Ow, s.W, s.Sw, shift)
		for oh := lo; oh < hi; oh++ {
			row := col[at : at+s.Ow]
			at += s.Ow
			ih := oh*s.Sh + kh*s.Dh - s.Pt
			if ih >= 0 && ih < s.H && first < last {
				addEvery(dx[(c*s.H+ih)*s.W+first*s.Sw+shift:], s.Sw, 1, row[first:last])
			}
		}
	}
}

// addEvery adds a·src[i] to dst[i·step].
func addEvery(dst []float32, step int, a float32, src []float32) {
	if step == 1 {
		Axpy(dst[:len(src)], a, src)
		return
	}
	for i, v := range src {
		dst[i*step] += a * v
	}
}
