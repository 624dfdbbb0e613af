package kernel

import "math"

// MaxPool computes the largest of every window, channel by channel, and where it lies: argmax, if not nil, receives
// the position ih·W+iw inside the channel, the first of equals, or -1 for a window over nothing, which gives -Inf.
// NaN wins over every number.
func MaxPool(y []float32, argmax []int32, x []float32, s *ConvShape) {
	maxPoolReference(y, argmax, x, s)
}

// MaxPoolGrad adds each cotangent of dy to the input position argmax names.
func MaxPoolGrad(dx, dy []float32, argmax []int32, s *ConvShape) {
	for c := range s.C {
		dx := dx[c*s.H*s.W : (c+1)*s.H*s.W]
		at := argmax[c*s.plane() : (c+1)*s.plane()]
		for o, g := range dy[c*s.plane() : (c+1)*s.plane()] {
			if at[o] >= 0 {
				dx[at[o]] += g
			}
		}
	}
}

func maxPoolReference[T Float](y []T, argmax []int32, x []T, s *ConvShape) {
	for c := range s.C {
		x := x[c*s.H*s.W : (c+1)*s.H*s.W]
		for o := range s.plane() {
			top, at := windowMax(x, s, s.window(o))
			y[c*s.plane()+o] = top
			if argmax != nil {
				argmax[c*s.plane()+o] = at
			}
		}
	}
}

func windowMax[T Float](x []T, s *ConvShape, v window) (T, int32) {
	top, at := T(math.Inf(-1)), int32(-1)
	for ih := v.top; ih < v.bottom; ih += s.Dh {
		for iw := v.left; iw < v.right; iw += s.Dw {
			u := x[ih*s.W+iw]
			if u > top || at < 0 || u != u && top == top {
				top, at = u, int32(ih*s.W+iw)
			}
		}
	}
	return top, at
}
