package encoder

import "github.com/plumbline-ml/plumbline/internal/onnx"

// usualSizes are tried, in this order, where a file leaves its image size open: a fixed position embedding
// fits only one of them, a graph that interpolates or convolves takes the first.
var usualSizes = []int{224, 336, 384, 256, 448, 518, 512, 378, 392, 240, 288, 192, 196, 160, 128, 112, 96, 64, 56, 48, 32}

// buildOpen builds a model whose file leaves the image size open, at the crop of the preprocessing if that is
// known, else at the first usual size that fits, else at the one asked for.
func buildOpen(src *onnx.Model, o options, open error) (*Model, error) {
	if p := o.preproc; p != nil && p.Crop[0] > 0 {
		return build(src, o, p.Crop[0], p.Crop[1])
	}
	for _, n := range usualSizes {
		if m, err := build(src, o, n, n); err == nil {
			if o.size[0] == 0 {
				m.assume("the file leaves the image size open; %d×%d is assumed: say WithImageSize (--size) for another", n, n)
			}
			return m, nil
		}
	}
	if o.size[0] > 0 {
		return build(src, o, o.size[0], o.size[1])
	}
	return nil, open
}

// AtInput is the encoder for network inputs of h×w pixels, for a file that leaves the size open or whose
// position embedding can be interpolated.
func (m *Model) AtInput(h, w int) (*Model, error) {
	if m.spec.ImageSize == [2]int{h, w} {
		return m, nil
	}
	return m.atGrid(h, w)
}
