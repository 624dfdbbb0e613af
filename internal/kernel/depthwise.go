package kernel

// A depthwise convolution has one input channel per group, so a matrix product would have depth Kh·Kw and one row. It
// runs as a correlation instead: the plane is laid out with its padding, and every weight meets a shifted copy of it.

// correlation is the geometry of y[r, c] = start + Σ w[i, j]·x[r·rowStep + i·tapRow + j·tapCol + c] for rows × n
// results, with steps in elements that may be negative.
type correlation struct{ rows, n, ldy, rowStep, tapRow, tapCol, kh, kw int }

// correlationSlack is how far beyond its last element a plane must be readable.
const correlationSlack = 16

func correlateReference[T Float](c *correlation, y, x []T, at int, w []T, start T) {
	for r := range c.rows {
		out := y[r*c.ldy : r*c.ldy+c.n]
		for i := range out {
			out[i] = start
		}
		for k, v := range w[:c.kh*c.kw] {
			from := at + r*c.rowStep + k/c.kw*c.tapRow + k%c.kw*c.tapCol
			for i, u := range x[from : from+c.n] {
				out[i] += v * u
			}
		}
	}
}

// correlate runs a correlation whose first product reads x[at].
func correlate(c *correlation, y, x []float32, at int, w []float32, start float32) {
	if !correlateFast(c, y, x, at, w, start) {
		correlateReference(c, y, x, at, w, start)
	}
}

// correlateTaps adds to dw the cotangent of the weights, given that of the result, whose rows are ldy apart and, from n
// on, zero. sums has room for four numbers.
func correlateTaps(c *correlation, dw, dy, x, sums []float32) {
	if correlateTapsFast(c, dw, dy, x, sums) {
		return
	}
	for k := range dw[:c.kh*c.kw] {
		var sum float64
		for r := range c.rows {
			from := r*c.rowStep + k/c.kw*c.tapRow + k%c.kw*c.tapCol
			sum += dotReference(dy[r*c.ldy:r*c.ldy+c.n], x[from:])
		}
		dw[k] += float32(sum)
	}
}

// spread lays a plane of h × w out in dst, of rows × ld, at a distance from its origin and with its elements step
// apart; everything else becomes 0, what falls outside is left out.
func spread(dst []float32, rows, ld int, src []float32, h, w, top, left, stepH, stepW int) {
	clear(dst)
	first, last := inside(w, ld, stepW, left)
	for r := range h {
		row := top + r*stepH
		if row < 0 || row >= rows || first >= last {
			continue
		}
		out := dst[row*ld+left+first*stepW:]
		if stepW == 1 {
			copy(out, src[r*w+first:r*w+last])
			continue
		}
		for i, v := range src[r*w+first : r*w+last] {
			out[i*stepW] = v
		}
	}
}

// wide and tall are the size of the plane a strided result spreads over, before strides drop rows and columns.
func (s *ConvShape) wide() int { return (s.Ow-1)*s.Sw + 1 }

func (s *ConvShape) tall() int { return (s.Oh-1)*s.Sh + 1 }

// padded is the size of the plane a depthwise convolution reads.
func (s *ConvShape) padded() (rows, ld int) {
	return s.tall() + (s.Kh-1)*s.Dh, s.wide() + (s.Kw-1)*s.Dw
}

// correlation is the convolution on the padded plane, with every column in place of every Sw-th.
func (s *ConvShape) correlation(ld int) correlation {
	return correlation{rows: s.Oh, n: s.wide(), ldy: s.wide(), rowStep: s.Sh * ld, tapRow: s.Dh * ld, tapCol: s.Dw, kh: s.Kh, kw: s.Kw}
}

// depthwiseScratch is the scratch of the three functions below.
func (s *ConvShape) depthwiseScratch() int {
	rows, ld := s.padded()
	forward := rows*ld + correlationSlack + s.wide()
	input := (s.H+(s.Kh-1)*s.Dh)*(s.W+(s.Kw-1)*s.Dw) + correlationSlack + s.H*s.W
	weight := rows*ld + s.tapSlack() + s.Oh*roundUp(s.wide()) + 4
	return max(forward, input, weight)
}

// tapSlack is correlationSlack for weights taken four at a time.
func (s *ConvShape) tapSlack() int { return correlationSlack + 4*s.Dw }

func roundUp(n int) int { return (n + correlationSlack - 1) / correlationSlack * correlationSlack }

// depthwiseForward computes one output channel of Oh×Ow.
func depthwiseForward(y, x, w []float32, bias float32, s *ConvShape, scratch []float32) {
	rows, ld := s.padded()
	plane, rest := scratch[:rows*ld+correlationSlack], scratch[rows*ld+correlationSlack:]
	spread(plane, rows, ld, x, s.H, s.W, s.Pt, s.Pl, 1, 1)
	c := s.correlation(ld)
	if s.Sw == 1 {
		correlate(&c, y, plane, 0, w, bias)
		return
	}
	c.rows = 1
	for r := range s.Oh {
		correlate(&c, rest[:c.n], plane, r*c.rowStep, w, bias)
		takeEvery(y[r*s.Ow:(r+1)*s.Ow], rest, s.Sw)
	}
}

// depthwiseInput computes the input cotangent of one output channel, of H×W, or adds it to dx: the weights walk
// backwards over the cotangent, spread by the strides.
func depthwiseInput(dx, dy, w []float32, add bool, s *ConvShape, scratch []float32) {
	h, v := (s.Kh-1)*s.Dh, (s.Kw-1)*s.Dw
	rows, ld := s.H+h, s.W+v
	plane, rest := scratch[:rows*ld+correlationSlack], scratch[rows*ld+correlationSlack:]
	spread(plane, rows, ld, dy, s.Oh, s.Ow, h-s.Pt, v-s.Pl, s.Sh, s.Sw)
	c := correlation{rows: s.H, n: s.W, ldy: s.W, rowStep: ld, tapRow: -s.Dh * ld, tapCol: -s.Dw, kh: s.Kh, kw: s.Kw}
	if !add {
		correlate(&c, dx, plane, h*ld+v, w, 0)
		return
	}
	correlate(&c, rest, plane, h*ld+v, w, 0)
	AddTo(dx, rest[:len(dx)])
}

// depthwiseWeight adds the weight cotangent of one output channel to dw, of Kh×Kw.
func depthwiseWeight(dw, dy, x []float32, s *ConvShape, scratch []float32) {
	rows, ld := s.padded()
	plane, rest := scratch[:rows*ld+s.tapSlack()], scratch[rows*ld+s.tapSlack():]
	spread(plane, rows, ld, x, s.H, s.W, s.Pt, s.Pl, 1, 1)
	c := s.correlation(ld)
	c.ldy = roundUp(c.n)
	g, sums := rest[:s.Oh*c.ldy], rest[s.Oh*c.ldy:]
	spread(g, s.Oh, c.ldy, dy, s.Oh, s.Ow, 0, 0, 1, s.Sw)
	correlateTaps(&c, dw, g, plane, sums)
}
