package resample

import "github.com/plumbline-ml/plumbline/internal/kernel"

// Separable resizes planes: first along X (each row), then along Y, as PIL does. It is immutable and safe for
// concurrent use; its methods allocate nothing.
type Separable struct {
	X, Y   *Axis
	lo, hi int // source rows that Y reads
}

// NewSeparable joins the axis of the rows (width) and that of the columns (height).
func NewSeparable(x, y *Axis) *Separable {
	s := &Separable{X: x, Y: y, lo: y.In, hi: 0}
	for o, start := range y.start {
		for k, w := range y.weight[o*y.Taps : (o+1)*y.Taps] {
			if w != 0 {
				s.lo, s.hi = min(s.lo, start+k), max(s.hi, start+k+1)
			}
		}
	}
	s.lo = min(s.lo, s.hi)
	return s
}

// InLen and OutLen are the numbers of samples of a source and of a target plane.
func (s *Separable) InLen() int  { return s.X.In * s.Y.In }
func (s *Separable) OutLen() int { return s.X.Out * s.Y.Out }

// Scratch is the number of floats that Apply and Adjoint need beside their arguments: a plane resized along X, and a
// strip of rows transposed before and after.
func (s *Separable) Scratch() int { return s.Y.In*s.X.Out + stripRows*(s.X.In+s.X.Out) }

// stripRows is how many rows are transposed together, so that their sums run side by side.
const stripRows = 64

// Apply writes the resized plane to dst (Y.Out×X.Out) from src (Y.In×X.In).
func (s *Separable) Apply(dst, src, scratch []float32) {
	w := s.X.Out
	mid, strip := scratch[:s.Y.In*w], scratch[s.Y.In*w:s.Scratch()]
	across(s.X, mid[s.lo*w:s.hi*w], src[s.lo*s.X.In:s.hi*s.X.In], s.hi-s.lo, strip)
	down(s.Y, dst, mid, w, 0, s.Y.Out)
}

// Adjoint writes to dsrc (Y.In×X.In) the transpose of Apply's map applied to dout (Y.Out×X.Out).
func (s *Separable) Adjoint(dsrc, dout, scratch []float32) {
	w, in := s.X.Out, s.X.In
	mid, strip := scratch[:s.Y.In*w], scratch[s.Y.In*w:s.Scratch()]
	down(s.Y.adjoint, mid, dout, w, s.lo, s.hi)
	clear(dsrc[:s.lo*in])
	across(s.X.adjoint, dsrc[s.lo*in:s.hi*in], mid[s.lo*w:s.hi*w], s.hi-s.lo, strip)
	clear(dsrc[s.hi*in : s.InLen()])
}

// across applies a to each of rows rows; strip holds stripRows of them before and after.
func across(a *Axis, dst, src []float32, rows int, strip []float32) {
	switch {
	case a.identity:
		copy(dst[:rows*a.Out], src)
	case kernel.WeightedRowsFast() && rows >= minStrip:
		acrossStrips(a, dst, src, rows, strip)
	default:
		acrossRows(a, dst, src, rows)
	}
}

// minStrip is the least number of rows that are worth transposing.
const minStrip = 8

// acrossStrips transposes rows, so that the sums of one output run down the columns, and back.
func acrossStrips(a *Axis, dst, src []float32, rows int, strip []float32) {
	in, out, taps := a.In, a.Out, a.Taps
	for r := 0; r < rows; r += stripRows {
		n := min(stripRows, rows-r)
		x, y := strip[:in*n], strip[in*n:(in+out)*n]
		kernel.TransposeMatrix(x, n, src[r*in:], in, in, n)
		for o, start := range a.start {
			kernel.WeightedRows(y[o*n:(o+1)*n], x[start*n:], n, a.weight[o*taps:(o+1)*taps], false)
		}
		kernel.TransposeMatrix(dst[r*out:], out, y, n, n, out)
	}
}

// acrossRows does the same sums in the same order; four rows go together so that their sums run side by side.
func acrossRows(a *Axis, dst, src []float32, rows int) {
	in, out, taps := a.In, a.Out, a.Taps
	r := 0
	for ; r+4 <= rows; r += 4 {
		s0, s1, s2, s3 := src[r*in:(r+1)*in], src[(r+1)*in:(r+2)*in], src[(r+2)*in:(r+3)*in], src[(r+3)*in:(r+4)*in]
		d := dst[r*out : (r+4)*out]
		for o, start := range a.start {
			w := a.weight[o*taps : (o+1)*taps]
			x0, x1, x2, x3 := s0[start:][:len(w)], s1[start:][:len(w)], s2[start:][:len(w)], s3[start:][:len(w)]
			var v0, v1, v2, v3 float32
			for k, f := range w {
				v0 += f * x0[k]
				v1 += f * x1[k]
				v2 += f * x2[k]
				v3 += f * x3[k]
			}
			d[o], d[out+o], d[2*out+o], d[3*out+o] = v0, v1, v2, v3
		}
	}
	for ; r < rows; r++ {
		s, d := src[r*in:(r+1)*in], dst[r*out:(r+1)*out]
		for o, start := range a.start {
			w := a.weight[o*taps : (o+1)*taps]
			x := s[start:][:len(w)]
			var v float32
			for k, f := range w {
				v += f * x[k]
			}
			d[o] = v
		}
	}
}

// down computes rows lo … hi−1 of a applied along the columns of src, whose rows are w wide.
func down(a *Axis, dst, src []float32, w, lo, hi int) {
	if a.identity {
		copy(dst[lo*w:hi*w], src[lo*w:hi*w])
		return
	}
	for o := lo; o < hi; o++ {
		kernel.WeightedRows(dst[o*w:(o+1)*w], src[a.start[o]*w:], w, a.weight[o*a.Taps:(o+1)*a.Taps], true)
	}
}
