package pretrain

import (
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
	"github.com/plumbline-ml/plumbline/internal/pixelmap"
)

// dense is the part of the training loss that lies on patch tokens: one linear map, the same for every
// token and thrown away after training, gives logits of the class of defect at each of the patch's
// pixels, and their mean cross-entropy with the drawn mask is added. The contrastive loss asks of the
// first token alone to know the image; this asks of every other token to know its patch.
type dense struct {
	*pixelmap.Map
	scale float64
}

// newDense starts at a map of zeros. Rarer classes weigh more, by the root of their rarity in some images.
func newDense(r Recipe, some []example) *dense {
	d := &dense{pixelmap.New(r.Image.Width, r.Image.Patch*r.Image.Patch, len(surfaces.Defects)), r.Dense}
	var labels [][]uint8
	for _, e := range some {
		labels = append(labels, e.cells)
	}
	d.Balance(0.5, labels...)
	return d
}

// loss of an image by the rows of its patches and the classes of their pixels; see [pixelmap.Map.Loss].
func (d *dense) loss(tokens []float32, cells []uint8, dTokens, dLogits []float32) float64 {
	return d.Loss(tokens, cells, d.scale/float64(len(cells)), dTokens, dLogits)
}

// cells are the classes of a mask's pixels, patch by patch and within a patch row by row. The class without
// defects is background.
func cells(m *dataset.Mask, patch int) []uint8 {
	out := make([]uint8, 0, len(m.Pix))
	for top := 0; top < m.Height; top += patch {
		for left := 0; left < m.Width; left += patch {
			for y := top; y < top+patch; y++ {
				for _, v := range m.Pix[y*m.Width+left : y*m.Width+left+patch] {
					out = append(out, uint8(max(int(v)-1, 0)))
				}
			}
		}
	}
	return out
}
