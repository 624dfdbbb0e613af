package head

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
)

// Layout says where patch tokens lie in the source image.
type Layout struct {
	Prefix  int                `json:"prefix"` // tokens before the patches
	Rows    int                `json:"rows"`   // of patches
	Cols    int                `json:"cols"`
	Preproc encoder.Preprocess `json:"preprocess"`
}

// NewLayout takes the layout from an encoder.
func NewLayout(s encoder.Spec) Layout {
	return Layout{Prefix: s.Prefix(), Rows: s.Grid[0], Cols: s.Grid[1], Preproc: s.Preproc}
}

func (l Layout) validate(head string) error {
	if l.Rows < 1 || l.Cols < 1 || l.Rows > 1<<12 || l.Cols > 1<<12 || l.Prefix < 0 || l.Prefix > 1<<12 {
		return fmt.Errorf("head %s: a grid of %d×%d patches with %d prefix tokens", head, l.Rows, l.Cols, l.Prefix)
	}
	if err := l.Preproc.Validate(); err != nil {
		return fmt.Errorf("head %s: %w", head, err)
	}
	return nil
}

func (l Layout) tokens() int { return l.Prefix + l.Rows*l.Cols }

// placed is a layout over an image of one size: the patch grid's rectangle in source pixels.
type placed struct {
	Layout
	top, left     float64
	cellH, cellW  float64 // source pixels per patch
	width, height int
}

func (l Layout) over(head string, width, height int) (placed, error) {
	if width < 1 || height < 1 || width > 1<<16 || height > 1<<16 {
		return placed{}, fmt.Errorf("head %s: source image of %d×%d pixels: Input.Width and Height are needed", head, width, height)
	}
	top, left, bottom, right := l.Preproc.Region(height, width)
	return placed{Layout: l, top: top, left: left, width: width, height: height,
		cellH: (bottom - top) / float64(l.Rows), cellW: (right - left) / float64(l.Cols)}, nil
}

// cell is the source rectangle of the patch at (row, col), in continuous pixels.
func (p placed) cell(row, col int) (x0, y0, x1, y1 float64) {
	x0, y0 = p.left+float64(col)*p.cellW, p.top+float64(row)*p.cellH
	return x0, y0, x0 + p.cellW, y0 + p.cellH
}

// pixels is the range of whole pixels whose centres lie in the patch at (row, col), cut to the image.
func (p placed) pixels(row, col int) (x0, y0, x1, y1 int) {
	fx0, fy0, fx1, fy1 := p.cell(row, col)
	cut := func(v float64, size int) int { return min(max(int(math.Ceil(v-0.5)), 0), size) }
	return cut(fx0, p.width), cut(fy0, p.height), cut(fx1, p.width), cut(fy1, p.height)
}

// patches checks that an activation holds the layout's tokens and returns the patch rows.
func (l Layout) patches(head string, in Input, i, width int) (Activation, error) {
	a, err := in.matrix(head, i, l.tokens(), width)
	if err != nil {
		return a, err
	}
	return Matrix(l.Rows*l.Cols, width, a.Data[l.Prefix*width:]), nil
}

// unpatch puts the gradient of the patch rows into an activation of all tokens.
func (l Layout) unpatch(in Input, i int, d []float32) Activation {
	out := in.Acts[i].Zeros()
	copy(out.Data[l.Prefix*out.Shape[1]:], d)
	return out
}
