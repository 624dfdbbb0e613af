package kernel

// AveragePool computes the mean of every window, channel by channel. Positions in the padding count towards the divisor
// if includePad is set; those a window overhangs beyond it never do. A window over nothing gives 0.
func AveragePool(y, x []float32, s *ConvShape, includePad bool) {
	averagePoolReference(y, x, s, includePad)
}

// AveragePoolGrad adds to dx the cotangent of AveragePool's input.
func AveragePoolGrad(dx, dy []float32, s *ConvShape, includePad bool) {
	averagePoolGradReference(dx, dy, s, includePad)
}

func averagePoolReference[T Float](y, x []T, s *ConvShape, includePad bool) {
	for row := range s.C * s.Oh {
		c, oh := row/s.Oh, row%s.Oh
		out := y[row*s.Ow : (row+1)*s.Ow]
		clear(out)
		s.eachPoolTap(c, oh, func(first, last, from int) {
			addTaken(out[first:last], x[from:], s.Sw)
		})
		high := s.rowsUnder(oh, includePad)
		for ow := range out {
			if n := high * s.colsUnder(ow, includePad); n > 0 {
				out[ow] /= T(n)
			}
		}
	}
}

func averagePoolGradReference[T Float](dx, dy []T, s *ConvShape, includePad bool) {
	for row := range s.C * s.Oh {
		c, oh := row/s.Oh, row%s.Oh
		high := s.rowsUnder(oh, includePad)
		for ow, g := range dy[row*s.Ow : (row+1)*s.Ow] {
			n := high * s.colsUnder(ow, includePad)
			if n == 0 {
				continue
			}
			g /= T(n)
			s.eachPixel(c, oh, ow, func(from, to int) {
				for p := from; p < to; p += s.Dw {
					dx[p] += g
				}
			})
		}
	}
}

// addTaken adds every step-th of x to y.
func addTaken[T Float](y, x []T, step int) {
	done := addTakenFast(y, x, step)
	for i, p := done, done*step; i < len(y); i, p = i+1, p+step {
		y[i] += x[p]
	}
}

// eachPoolTap calls f for every place in the window that meets the image from output row oh of channel c: it does for
// the outputs first ≤ ow < last, which read the positions from, from+Sw, ….
func (s *ConvShape) eachPoolTap(c, oh int, f func(first, last, from int)) {
	for k := range s.Kh * s.Kw {
		kh, kw := k/s.Kw, k%s.Kw
		ih, shift := oh*s.Sh+kh*s.Dh-s.Pt, kw*s.Dw-s.Pl
		if ih < 0 || ih >= s.H {
			continue
		}
		if first, last := inside(s.Ow, s.W, s.Sw, shift); first < last {
			f(first, last, (c*s.H+ih)*s.W+first*s.Sw+shift)
		}
	}
}

// eachPixel calls f for every row of the window of one output with the positions in steps of Dw that lie in the image.
func (s *ConvShape) eachPixel(c, oh, ow int, f func(from, to int)) {
	left, right := clip(ow*s.Sw-s.Pl, s.W, s.Kw, s.Dw)
	top, bottom := clip(oh*s.Sh-s.Pt, s.H, s.Kh, s.Dh)
	for ih := top; ih < bottom; ih += s.Dh {
		f((c*s.H+ih)*s.W+left, (c*s.H+ih)*s.W+right)
	}
}

// clip returns the range in which n positions from at on, in steps, lie in 0 ≤ i < size.
func clip(at, size, n, step int) (first, last int) {
	first, last = at, min(at+(n-1)*step+1, size)
	if at < 0 {
		first += (-at + step - 1) / step * step
	}
	return first, last
}

// rowsUnder counts the rows of a window in the image, or in image and padding.
func (s *ConvShape) rowsUnder(oh int, includePad bool) int {
	return under(oh*s.Sh-s.Pt, s.H, s.Kh, s.Dh, s.Pb, includePad)
}

func (s *ConvShape) colsUnder(ow int, includePad bool) int {
	return under(ow*s.Sw-s.Pl, s.W, s.Kw, s.Dw, s.Pr, includePad)
}

func under(at, size, n, step, after int, includePad bool) int {
	switch last := at + (n-1)*step; {
	case at >= 0 && last < size, includePad && last < size+after:
		return n
	case includePad:
		return max(0, (size+after-at+step-1)/step)
	}
	first, last := clip(at, size, n, step)
	return max(0, (last-first+step-1)/step)
}
