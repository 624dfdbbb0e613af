package defense

import (
	"fmt"

	"gorgonia.org/tensor"
)

// Picture is an RGB image, planar 3×H×W, float32 in [0,1].
type Picture struct {
	H, W int
	Pix  []float32
}

// NewPicture returns a black picture.
func NewPicture(h, w int) Picture { return Picture{h, w, make([]float32, 3*h*w)} }

// PictureOf reads a 3×H×W float32 tensor; the picture shares its memory.
func PictureOf(t *tensor.Dense) (Picture, error) {
	if t == nil {
		return Picture{}, fmt.Errorf("defense: image is nil")
	}
	s := t.Shape()
	pix, ok := t.Data().([]float32)
	if len(s) != 3 || s[0] != 3 || s[1] < 1 || s[2] < 1 || !ok || t.RequiresIterator() || len(pix) != 3*s[1]*s[2] {
		return Picture{}, fmt.Errorf("defense: image has shape %v of %v, want a contiguous 3×H×W of float32", s, t.Dtype())
	}
	return Picture{s[1], s[2], pix}, nil
}

// Tensor returns the picture as a 3×H×W tensor that shares its memory.
func (p Picture) Tensor() *tensor.Dense {
	return tensor.New(tensor.WithShape(3, p.H, p.W), tensor.WithBacking(p.Pix))
}

// plane returns channel c.
func (p Picture) plane(c int) []float32 { n := p.H * p.W; return p.Pix[c*n : (c+1)*n] }

// like returns a black picture of p's size.
func (p Picture) like() Picture { return NewPicture(p.H, p.W) }

// pictures reads a batch; the error numbers the image. A value that is not finite is an error: a purifier might hide it.
func pictures(images []*tensor.Dense) ([]Picture, error) {
	out := make([]Picture, len(images))
	for i, t := range images {
		p, err := PictureOf(t)
		if err != nil {
			return nil, fmt.Errorf("image %d: %w", i, err)
		}
		for k, v := range p.Pix {
			if v-v != 0 {
				return nil, fmt.Errorf("defense: image %d: value %d is %g", i, k, v)
			}
		}
		out[i] = p
	}
	return out, nil
}

// clamp01 limits v to [0,1]; NaN stays NaN.
func clamp01(v float32) float32 {
	if v < 0 {
		return 0
	}
	if v > 1 {
		return 1
	}
	return v
}

// addTo adds a float64 gradient to a float32 one.
func addTo(dst []float32, g []float64) {
	for i, v := range g {
		dst[i] += float32(v)
	}
}
