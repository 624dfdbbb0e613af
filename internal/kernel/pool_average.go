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
	for c := range s.C {
		x, y := x[c*s.H*s.W:(c+1)*s.H*s.W], y[c*s.plane():(c+1)*s.plane()]
		for o := range y {
			v := s.window(o)
			var sum float64
			for ih := v.top; ih < v.bottom; ih += s.Dh {
				for iw := v.left; iw < v.right; iw += s.Dw {
					sum += float64(x[ih*s.W+iw])
				}
			}
			y[o] = 0
			if n := v.divisor(s, includePad); n > 0 {
				y[o] = T(sum / float64(n))
			}
		}
	}
}

func averagePoolGradReference[T Float](dx, dy []T, s *ConvShape, includePad bool) {
	for c := range s.C {
		dx, dy := dx[c*s.H*s.W:(c+1)*s.H*s.W], dy[c*s.plane():(c+1)*s.plane()]
		for o, g := range dy {
			v := s.window(o)
			n := v.divisor(s, includePad)
			if n == 0 {
				continue
			}
			g /= T(n)
			for ih := v.top; ih < v.bottom; ih += s.Dh {
				for iw := v.left; iw < v.right; iw += s.Dw {
					dx[ih*s.W+iw] += g
				}
			}
		}
	}
}

// window is the part of a pooling window that lies in the image, top ≤ ih < bottom and left ≤ iw < right in steps of
// the dilation, and the size of the part that lies in image or padding.
type window struct{ top, bottom, left, right, padded int }

func (s *ConvShape) window(o int) window {
	h, w := o/s.Ow*s.Sh-s.Pt, o%s.Ow*s.Sw-s.Pl
	top, bottom, nh := span(h, s.H, s.Kh, s.Dh, s.Pb)
	left, right, nw := span(w, s.W, s.Kw, s.Dw, s.Pr)
	return window{top, bottom, left, right, nh * nw}
}

// span clips n positions from at on, in steps, to 0 ≤ i < size, and counts those below size+after.
func span(at, size, n, step, after int) (first, last, padded int) {
	last, first = min(at+(n-1)*step+1, size), at
	padded = max(0, min(n, (size+after-at+step-1)/step))
	if at < 0 {
		first = at + (-at+step-1)/step*step
	}
	return first, last, padded
}

func (v window) divisor(s *ConvShape, includePad bool) int {
	if includePad {
		return v.padded
	}
	return steps(v.top, v.bottom, s.Dh) * steps(v.left, v.right, s.Dw)
}

func steps(lo, hi, step int) int { return max(0, (hi-lo+step-1)/step) }
