package membership

import (
	"context"
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/eval/head"
)

// Heads trains classification heads on a frozen encoder. feats[view][example] are the features of the pool; fit gets those
// of the members, as view 0.
func Heads(feats [][]head.Features, fit func(members []head.Features, seed uint64) (head.Differentiable, error)) Train {
	return func(_ context.Context, examples []int, seed uint64) (Model, error) {
		members := make([]head.Features, len(examples))
		for k, i := range examples {
			members[k] = feats[0][i]
		}
		h, err := fit(members, seed)
		if err != nil {
			return nil, err
		}
		return headModel{h, feats}, nil
	}
}

type headModel struct {
	head  head.Differentiable
	feats [][]head.Features
}

func (m headModel) Logits(example, view int) ([]float64, error) {
	in, err := m.feats[view][example].Input(m.head.Taps())
	if err != nil {
		return nil, err
	}
	scores, err := m.head.Scores(in)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(scores.Data))
	for k, v := range scores.Data {
		out[k] = float64(v)
	}
	return out, nil
}

// MaxViews is how many views [View] knows.
const MaxViews = 10

// View returns the v-th view of an image 3×H×W: 0 the image itself, 1 its mirror image, then shifts by a sixteenth and by an
// eighth of the width and height to the four sides, with the edge repeated (after the translations of arXiv 2007.14321, §3.2).
func View(image *tensor.Dense, v int) (*tensor.Dense, error) {
	shape := image.Shape()
	data, ok := image.Data().([]float32)
	if !ok || len(shape) != 3 || v < 0 || v >= MaxViews {
		return nil, fmt.Errorf("membership: view %d of an image %v of %v", v, shape, image.Dtype())
	}
	if v == 0 {
		return image, nil
	}
	h, w := shape[1], shape[2]
	out := make([]float32, len(data))
	for c := range shape[0] {
		for y := range h {
			for x := range w {
				fy, fx := from(v, y, x, h, w)
				out[(c*h+y)*w+x] = data[(c*h+fy)*w+fx]
			}
		}
	}
	return tensor.New(tensor.WithShape(slices.Clone(shape)...), tensor.WithBacking(out)), nil
}

// from is the pixel of the image that a view shows at (y, x).
func from(v, y, x, h, w int) (int, int) {
	if v == 1 {
		return y, w - 1 - x
	}
	part := 16
	if v >= 6 {
		part = 8
	}
	step := [4][2]int{{0, 1}, {0, -1}, {1, 0}, {-1, 0}}[(v-2)%4]
	y += step[0] * max(1, h/part)
	x += step[1] * max(1, w/part)
	return min(max(y, 0), h-1), min(max(x, 0), w-1)
}
