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
	for row := range s.C * s.Oh {
		c, oh := row/s.Oh, row%s.Oh
		out := y[row*s.Ow : (row+1)*s.Ow]
		for i := range out {
			out[i] = T(math.Inf(-1))
		}
		if argmax == nil {
			s.eachPoolTap(c, oh, func(first, last, from int) {
				for i, p := first, from; i < last; i, p = i+1, p+s.Sw {
					out[i] = max(out[i], x[p])
				}
			})
			continue
		}
		where := argmax[row*s.Ow : (row+1)*s.Ow]
		for i := range where {
			where[i] = -1
		}
		s.eachPoolTap(c, oh, func(first, last, from int) {
			at := from - c*s.H*s.W
			done := first + largerFast(out[first:last], where[first:last], x[from:], at, s.Sw)
			skip := (done - first) * s.Sw
			if done < last {
				takeLarger(out[done:last], where[done:last], x[from+skip:], int32(at+skip), s.Sw)
			}
		})
	}
}

// takeLarger puts every step-th of x where it is larger than y, or NaN, and its position in where.
func takeLarger[T Float](y []T, where []int32, x []T, at int32, step int) {
	where = where[:len(y)]
	p := 0
	for i, top := range y {
		// A comparison with NaN is false: this holds for what is not less or equal, unless the largest is NaN already.
		if u := x[p]; !(u <= top) && top == top || where[i] < 0 {
			y[i], where[i] = u, at
		}
		p += step
		at += int32(step)
	}
}
