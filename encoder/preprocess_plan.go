package encoder

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
	"github.com/plumbline-ml/plumbline/internal/resample"
)

// Plan is a Preprocess made ready for sources of one size: sparse weights of the resize and crop, and their
// transpose. It is immutable and safe for concurrent use; Apply and Adjoint allocate nothing.
type Plan struct {
	resize *resample.Separable
	scale  [3]float32 // 1/std
	shift  [3]float32 // −mean/std
}

// maxSource bounds the pixels of a source picture.
const maxSource = 1 << 28

// Plan prepares p for sources of h×w pixels. It fails if p is not valid, or the sizes are out of range
// (sides 1…65536, at most 2²⁸ pixels before and after).
func (p Preprocess) Plan(h, w int) (*Plan, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if h < 1 || w < 1 || h > resample.MaxSide || w > resample.MaxSide || h > maxSource/w {
		return nil, fmt.Errorf("encoder: preprocess: an image of %d×%d pixels is outside 1×1 … %d on a side and %d in all",
			h, w, resample.MaxSide, maxSource)
	}
	rh, rw := p.resized(h, w)
	crop, top, left := p.Crop, 0, 0
	if crop[0] == 0 {
		crop = [2]int{rh, rw}
	} else {
		top, left = p.cropStart(rh, crop[0]), p.cropStart(rw, crop[1])
	}
	if crop[0] > maxSource/max(crop[1], 1) {
		return nil, fmt.Errorf("encoder: preprocess: an image of %d×%d becomes %d×%d: too large", h, w, crop[0], crop[1])
	}
	filter := p.Filter
	if filter == "" {
		filter = Bicubic
	}
	y, err := resample.PIL(filter, h, rh, top, crop[0])
	if err != nil {
		return nil, fmt.Errorf("encoder: preprocess: height of a %d×%d image: %w", h, w, err)
	}
	x, err := resample.PIL(filter, w, rw, left, crop[1])
	if err != nil {
		return nil, fmt.Errorf("encoder: preprocess: width of a %d×%d image: %w", h, w, err)
	}
	pl := &Plan{resize: resample.NewSeparable(x, y)}
	for c := range 3 {
		pl.scale[c] = float32(1 / p.Std[c])
		pl.shift[c] = float32(-p.Mean[c] / p.Std[c])
	}
	return pl, nil
}

// InSize and OutSize are the height and width of the source and of the network input, in pixels.
func (pl *Plan) InSize() (h, w int)  { return pl.resize.Y.In, pl.resize.X.In }
func (pl *Plan) OutSize() (h, w int) { return pl.resize.Y.Out, pl.resize.X.Out }

// Scratch is the length of the scratch slice that Apply and Adjoint need.
func (pl *Plan) Scratch() int { return pl.resize.Scratch() }

// Apply writes the normalised network input to dst (3×h×w, see OutSize) from src (3×H×W in [0,1]).
func (pl *Plan) Apply(dst, src, scratch []float32) {
	in, out := pl.resize.InLen(), pl.resize.OutLen()
	for c := range 3 {
		d := dst[c*out : (c+1)*out]
		pl.resize.Apply(d, src[c*in:(c+1)*in], scratch)
		scale, shift := pl.scale[c], pl.shift[c]
		for i, v := range d {
			d[i] = v*scale + shift
		}
	}
}

// Adjoint writes to dsrc (3×H×W) the gradient at the source pixels of ⟨dout, network input⟩; dout is 3×h×w. It
// overwrites dsrc.
func (pl *Plan) Adjoint(dsrc, dout, scratch []float32) {
	in, out := pl.resize.InLen(), pl.resize.OutLen()
	for c := range 3 {
		d := dsrc[c*in : (c+1)*in]
		pl.resize.Adjoint(d, dout[c*out:(c+1)*out], scratch)
		kernel.Scale(d, pl.scale[c], d)
	}
}
