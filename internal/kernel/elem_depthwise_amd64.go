package kernel

// floatBytes is the size of a float32, in which the kernels take their strides.
const floatBytes = 4

// correlateFast is correlate in assembly; it reports whether it ran.
func correlateFast(c *correlation, y, x []float32, at int, w []float32, start float32) bool {
	k := elem()
	if k == nil || c.n == 0 {
		return false
	}
	_ = w[c.kh*c.kw-1]
	c.check(y, x, at)
	for r := 0; r < c.rows; {
		f, rows := k.correlate1, 1
		switch left := c.rows - r; {
		case left >= 7:
			f, rows = k.correlate7, 7
		case left >= 4:
			f, rows = k.correlate4, 4
		}
		f(&y[r*c.ldy], &x[at+r*c.rowStep], &w[0], c.ldy*floatBytes, c.rowStep*floatBytes, c.tapRow*floatBytes, c.tapCol*floatBytes, c.kh, c.kw, start, c.n)
		r += rows
	}
	return true
}

// check panics unless the corners that a correlation writes and reads are inside the slices.
func (c *correlation) check(y, x []float32, at int) {
	_ = y[(c.rows-1)*c.ldy+c.n-1]
	first, last := at, at+(c.rows-1)*c.rowStep+c.n-1+correlationSlack-1
	for _, d := range [...]int{(c.kh - 1) * c.tapRow, (c.kw - 1) * c.tapCol} {
		first, last = first+min(d, 0), last+max(d, 0)
	}
	_, _ = x[first], x[last]
}

// correlateTapsFast is correlateTaps in assembly; it reports whether it ran.
func correlateTapsFast(c *correlation, dw, dy, x, sums []float32) bool {
	k := elem()
	if k == nil || c.n == 0 {
		return false
	}
	_, _ = dy[c.rows*c.ldy-1], sums[3]
	_ = x[(c.rows-1)*c.rowStep+(c.kh-1)*c.tapRow+((c.kw+3)/4*4-1)*c.tapCol+c.ldy-1]
	for i := range c.kh {
		for j := 0; j < c.kw; j += 4 {
			k.correlateTaps(&sums[0], &dy[0], &x[i*c.tapRow+j*c.tapCol], c.ldy*floatBytes, c.rowStep*floatBytes, c.tapCol*floatBytes, c.rows, c.ldy)
			for t, v := range sums[:min(4, c.kw-j)] {
				dw[i*c.kw+j+t] += v
			}
		}
	}
	return true
}
