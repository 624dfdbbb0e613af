package kernel

// convBlock bounds, in floats, the strip of columns a convolution lays out at a time, so that it stays in the cache.
const convBlock = 128 << 10

// Conv2D computes the convolution (cross-correlation, as the field means it) y of one image x with weights w of
// Oc × C/Groups × Kh × Kw, plus bias of Oc, nil for none. scratch holds at least Conv2DScratch floats.
func Conv2D(y, x, w, bias []float32, s *ConvShape, scratch []float32) {
	y = y[:s.Oc*s.plane()]
	if s.depthwise() {
		for oc := range s.Oc {
			var b float32
			if bias != nil {
				b = bias[oc]
			}
			depthwiseForward(s.output(y, oc), s.input(x, oc), s.kernel(w, oc), b, s, scratch)
		}
		return
	}
	fillBias(y, bias, s)
	s.eachStrip(scratch, func(g, lo, hi int, col, rest []float32) {
		m, k, n := s.Oc/s.Groups, s.depth(), (hi-lo)*s.Ow
		b, ldb := s.columns(col, x, g, lo, hi)
		Gemm(y[g*m*s.plane()+lo*s.Ow:], s.plane(), false, w[g*m*k:], k, false, b, ldb, m, n, k, 1, true, rest)
	})
}

// Conv2DGradInput computes the cotangent dx of the image from the cotangent dy of the result.
func Conv2DGradInput(dx, dy, w []float32, s *ConvShape, scratch []float32) {
	dx = dx[:s.C*s.H*s.W]
	if s.depthwise() {
		for oc := range s.Oc {
			depthwiseInput(s.input(dx, oc), s.output(dy, oc), s.kernel(w, oc), oc%(s.Oc/s.Groups) != 0, s, scratch)
		}
		return
	}
	clear(dx)
	s.eachStrip(scratch, func(g, lo, hi int, col, rest []float32) {
		m, k, n := s.Oc/s.Groups, s.depth(), (hi-lo)*s.Ow
		c, ldc := col, n
		if s.pointwise() {
			c, ldc = dx[g*k*s.plane()+lo*s.Ow:], s.plane()
		}
		Gemm(c, ldc, true, w[g*m*k:], k, false, dy[g*m*s.plane()+lo*s.Ow:], s.plane(), k, n, m, 1, false, rest)
		if !s.pointwise() {
			col2imRows(dx, col, s, g, lo, hi)
		}
	})
}

// Conv2DGradWeight adds the cotangent of the weights to dw.
func Conv2DGradWeight(dw, dy, x []float32, s *ConvShape, scratch []float32) {
	if s.depthwise() {
		for oc := range s.Oc {
			depthwiseWeight(s.kernel(dw, oc), s.output(dy, oc), s.input(x, oc), s, scratch)
		}
		return
	}
	s.eachStrip(scratch, func(g, lo, hi int, col, rest []float32) {
		m, k, n := s.Oc/s.Groups, s.depth(), (hi-lo)*s.Ow
		b, ldb := s.columns(col, x, g, lo, hi)
		Gemm(dw[g*m*k:], k, false, dy[g*m*s.plane()+lo*s.Ow:], s.plane(), true, b, ldb, m, k, n, 1, true, rest)
	})
}

// Conv2DGradBias adds the cotangent of the bias, the sum of dy over positions, to dbias.
func Conv2DGradBias(dbias, dy []float32, s *ConvShape) {
	for oc := range s.Oc {
		dbias[oc] += float32(fold(Sum, accumulator{}, s.output(dy, oc)))
	}
}

// Conv2DScratch returns how many floats of scratch Conv2D and its gradients need.
func Conv2DScratch(s *ConvShape) int {
	if s.depthwise() {
		return s.depthwiseScratch()
	}
	m, k, n := s.Oc/s.Groups, s.depth(), s.stripRows()*s.Ow
	return k*n + max(GemmScratch(m, n, k), GemmScratch(k, n, m), GemmScratch(m, k, n))
}

func fillBias(y, bias []float32, s *ConvShape) {
	clear(y)
	for oc, b := range bias {
		out := s.output(y, oc)
		for i := range out {
			out[i] = b
		}
	}
}

// input, output and kernel return what one depthwise output channel reads, writes and weighs with.
func (s *ConvShape) input(x []float32, oc int) []float32 {
	c := oc / (s.Oc / s.Groups) * (s.C / s.Groups)
	return x[c*s.H*s.W : (c+1)*s.H*s.W]
}

func (s *ConvShape) output(y []float32, oc int) []float32 { return y[oc*s.plane() : (oc+1)*s.plane()] }

func (s *ConvShape) kernel(w []float32, oc int) []float32 { return w[oc*s.depth() : (oc+1)*s.depth()] }

// stripRows is how many output rows are laid out as columns together.
func (s *ConvShape) stripRows() int { return min(s.Oh, max(1, convBlock/(s.depth()*s.Ow))) }

// eachStrip calls f for every group and strip of output rows lo ≤ oh < hi with room for its columns and the remaining
// scratch.
func (s *ConvShape) eachStrip(scratch []float32, f func(group, lo, hi int, col, rest []float32)) {
	rows := s.stripRows()
	columns := s.depth() * rows * s.Ow
	for g := range s.Groups {
		for lo := 0; lo < s.Oh; lo += rows {
			f(g, lo, min(lo+rows, s.Oh), scratch[:columns], scratch[columns:])
		}
	}
}

// columns lays a strip out in col, or returns the place in x where a pointwise convolution finds it laid out.
func (s *ConvShape) columns(col, x []float32, g, lo, hi int) (b []float32, ldb int) {
	if s.pointwise() {
		return x[g*s.depth()*s.plane()+lo*s.Ow:], s.plane()
	}
	im2colRows(col, x, s, g, lo, hi)
	return col, (hi - lo) * s.Ow
}
