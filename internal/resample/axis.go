package resample

import (
	"fmt"
	"math"
)

// MaxSide bounds the length of a line, in samples, that an Axis reads or writes.
const MaxSide = 1 << 16

// maxSize bounds the size of a resized picture, of which an Axis keeps at most MaxSide samples.
const maxSize = 1 << 26

// Axis is a sparse matrix from lines of In samples to lines of Out samples. Row o has Taps weights on the
// samples that begin at start[o]; an output outside the resized picture is a row of zeros.
type Axis struct {
	In, Out, Taps int
	start         []int
	weight        []float32 // Out × Taps
	adjoint       *Axis     // its transpose
	identity      bool
}

// row is one row of the matrix before packing: weights on consecutive samples.
type row struct {
	start  int
	weight []float64
}

// PIL returns the axis with which PIL resizes in samples to size ones, restricted to the outputs lo … lo+n−1.
// Outputs below 0 or from size on are zero (padding). The kernel is stretched by in/size when the picture
// shrinks (antialias); torch's interpolate with antialias=True computes the same.
func PIL(f Filter, in, size, lo, n int) (*Axis, error) {
	if err := checkSides(in, size, n); err != nil {
		return nil, err
	}
	rows := make([]row, n)
	if in == size {
		fill(rows, size, lo, func(o int) row { return row{o, []float64{1}} })
		return pack(in, rows), nil
	}
	if f == Nearest {
		fillPILNearest(rows, in, size, lo)
		return pack(in, rows), nil
	}
	kernel, support, err := f.kernel()
	if err != nil {
		return nil, err
	}
	fill(rows, size, lo, func(o int) row { return pilRow(kernel, support, in, size, o) })
	return pack(in, rows), nil
}

// pilRow follows Pillow's precompute_coeffs: window limits rounded to whole samples and cut at the border,
// weights normalised to sum to one.
func pilRow(kernel func(float64) float64, support float64, in, size, o int) row {
	scale := float64(in) / float64(size)
	stretch := max(scale, 1)
	support = float64(support * stretch)
	center := float64((float64(o) + 0.5) * scale) // rounded, as in C, and not fused with what follows
	lo := max(0, int(center-support+0.5))
	hi := min(in, int(center+support+0.5))
	r := row{lo, make([]float64, hi-lo)}
	sum := 0.0
	for i := range r.weight {
		r.weight[i] = kernel((float64(lo+i) - center + 0.5) / stretch)
		sum += r.weight[i]
	}
	for i := range r.weight {
		r.weight[i] /= sum
	}
	return r
}

// fillPILNearest steps through the source by repeated addition as Pillow's affine scaler does: at exact ties the
// sample chosen depends on the rounding of that sum.
func fillPILNearest(rows []row, in, size, lo int) {
	scale := float64(in) / float64(size)
	x := scale * 0.5
	for o := 0; o < min(size, lo+len(rows)); o++ {
		if o >= lo {
			rows[o-lo] = row{min(in-1, int(x)), []float64{1}}
		}
		x += scale
	}
}

// Torch returns the axis of torch.nn.functional.interpolate(size=size, antialias=False) with
// align_corners=False and mode nearest, bilinear or bicubic (a = −0.75); borders repeat the edge sample.
func Torch(f Filter, in, size int) (*Axis, error) { return TorchOffset(f, in, size, 0) }

// TorchOffset is Torch with the scale factor (size+offset)/in given to interpolate instead of the size, as DINOv2's code
// gives it with an offset of 0.1: samples lie in/(size+offset) apart.
func TorchOffset(f Filter, in, size int, offset float64) (*Axis, error) {
	if !(offset >= 0 && offset < 1) {
		return nil, fmt.Errorf("resample: an offset of %g: want 0 ≤ offset < 1", offset)
	}
	if err := checkSides(in, size, size); err != nil {
		return nil, err
	}
	rows := make([]row, size)
	scale := float64(in) / (float64(size) + offset)
	switch f {
	case Nearest:
		s := float32(scale)
		fill(rows, size, 0, func(o int) row { return row{min(in-1, int(float32(o)*s)), []float64{1}} })
	case Bilinear:
		fill(rows, size, 0, func(o int) row {
			x := max(0, float64((float64(o)+0.5)*scale)-0.5)
			i := int(x)
			t := x - float64(i)
			return clampedRow(in, i, []float64{1 - t, t})
		})
	case Bicubic:
		fill(rows, size, 0, func(o int) row {
			x := float64((float64(o)+0.5)*scale) - 0.5
			i := math.Floor(x)
			t := x - i
			const a = -0.75
			return clampedRow(in, int(i)-1, []float64{
				cubicKernel(1+t, a), cubicKernel(t, a), cubicKernel(1-t, a), cubicKernel(2-t, a)})
		})
	default:
		return nil, fmt.Errorf("resample: interpolation %q has no form without antialias (want nearest, bilinear or bicubic)", string(f))
	}
	return pack(in, rows), nil
}

// clampedRow puts w on samples start, start+1, …; what falls outside 0 … in−1 goes to the nearest sample.
func clampedRow(in, start int, w []float64) row {
	lo := min(max(start, 0), in-1)
	hi := min(max(start+len(w)-1, 0), in-1)
	r := row{lo, make([]float64, hi-lo+1)}
	for i, v := range w {
		r.weight[min(max(start+i, 0), in-1)-lo] += v
	}
	return r
}

// fill sets rows[j] to the row of output lo+j where that lies inside 0 … size−1.
func fill(rows []row, size, lo int, f func(o int) row) {
	for j := range rows {
		if o := lo + j; o >= 0 && o < size {
			rows[j] = f(o)
		}
	}
}

func checkSides(in, size, n int) error {
	if in < 1 || in > MaxSide || size < 1 || size > maxSize || n < 1 || n > MaxSide {
		return fmt.Errorf("resample: cannot resize %d samples to %d and keep %d: sides must lie in 1…%d", in, size, n, MaxSide)
	}
	return nil
}
