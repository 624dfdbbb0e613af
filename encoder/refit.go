package encoder

import (
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/resample"
)

// ownSize is what a model at another image size remembers of the size it was made for.
type ownSize struct {
	image, grid [2]int
	tokens      int
	constants   []*graph.Tensor // with rows of their own for tokens or pixels, that are added or multiplied
}

// note remembers a constant.
func (o *ownSize) note(c *graph.Tensor, _ []int, _ bool) (*graph.Tensor, error) {
	o.constants = append(o.constants, c)
	return c, nil
}

// settleOwn fills in the geometry. The last map of a convolutional encoder is the grid of its attention pool.
func (m *Model) settleOwn(o *ownSize) {
	o.image, o.grid, o.tokens = m.spec.ImageSize, m.spec.Grid, m.spec.Tokens
	if v := m.found[Tokens]; v != nil && m.spec.Heads == 0 && len(v.Shape) == 4 {
		o.grid = [2]int(v.Shape[2:])
		o.tokens = o.grid[0]*o.grid[1] + 1
	}
	m.own = o
}

// at finds a constant again: one that is the same at both sizes is stored in the file, and not computed for the size.
func (o *ownSize) at(c *graph.Tensor) bool {
	return slices.ContainsFunc(o.constants, func(k *graph.Tensor) bool {
		return slices.Equal(k.Shape, c.Shape) && slices.Equal(k.F, c.F)
	})
}

// refitted imports the model for h×w pixels. Position embeddings that the file stores are interpolated over the grid
// of patches, and lengths of the own size that stand in constant shapes are replaced.
func (m *Model) refitted(h, w int) (*Model, error) {
	f := refit{own: m.own, to: [2]int{h, w}, offset: m.options.offset}
	if o := m.own; o.grid[0] > 0 {
		f.to = [2]int{h * o.grid[0] / o.image[0], w * o.grid[1] / o.image[1]}
	}
	opts := m.options
	opts.constant = f.constant
	opts.lengths = f.lengths(h, w)
	s, err := build(m.source, opts, h, w)
	if err != nil {
		return nil, err
	}
	s.own = m.own
	return s, nil
}

// refit carries constants from a model's own patch grid to another.
type refit struct {
	own    *ownSize
	to     [2]int
	offset float64 // see WithInterpolateOffset
}

// lengths pairs the own numbers of tokens, patches, patch rows and columns and pixels with those at h×w.
func (f refit) lengths(h, w int) [][2]int {
	from, to := f.own.grid, f.to
	list := [][2]int{{f.own.image[0], h}, {f.own.image[1], w}}
	if from[0] == 0 {
		return list
	}
	was, is := from[0]*from[1], to[0]*to[1]
	if f.own.tokens >= was {
		list = append(list, [2]int{f.own.tokens, f.own.tokens - was + is})
	}
	return append(list, [2]int{was, is}, [2]int{from[0], to[0]}, [2]int{from[1], to[1]})
}

// constant gives what takes the place of a constant beside computed values of shape x.
func (f refit) constant(c *graph.Tensor, x []int, added bool) (*graph.Tensor, error) {
	if !f.own.at(c) || f.own.grid == f.to {
		return c, nil
	}
	r, n := len(c.Shape), len(x)
	was, is := f.own.grid[0]*f.own.grid[1], f.to[0]*f.to[1]
	d := c.Shape[r-1]
	rows, now := graph.Size(c.Shape)/d, graph.Size(x)/x[n-1]
	if !added {
		now = x[n-2] // of every head
	}
	switch {
	case f.own.grid[0] == 0:
		return c, nil
	case r >= 2 && d == c.Shape[r-2] && d >= was && x[n-1] == x[n-2] && x[n-1] >= is:
		return nil, fmt.Errorf("a constant of shape %v for pairs of positions cannot be carried from a grid of %v to %v", c.Shape, f.own.grid, f.to)
	case added && r >= 3 && n >= 3 && [2]int(c.Shape[r-2:]) == f.own.grid && [2]int(x[n-2:]) == f.to:
		out := graph.NewTensor(graph.Float32, slices.Concat(c.Shape[:r-2], x[n-2:])...)
		return out, f.interpolate(out.F, c.F, plane)
	case d != x[n-1] || rows < was || now-(rows-was) != is:
		return c, nil
	case !added:
		return nil, fmt.Errorf("a factor of shape %v for positions cannot be carried from a grid of %v to %v", c.Shape, f.own.grid, f.to)
	}
	shape := slices.Clone(c.Shape)
	switch at := slices.IndexFunc(shape, func(k int) bool { return k > 1 }); {
	case r >= 3 && rows == was && [2]int(c.Shape[r-3:r-1]) == f.own.grid:
		shape[r-3], shape[r-2] = f.to[0], f.to[1]
	case shape[at] == rows:
		shape[at] = rows - was + is
	default:
		return c, nil
	}
	out, prefix := graph.NewTensor(graph.Float32, shape...), (rows-was)*d
	copy(out.F, c.F[:prefix])
	return out, f.interpolate(out.F[prefix:], c.F[prefix:], d)
}

// plane says that the positions of one feature lie side by side; else they lie as far apart as there are features.
const plane = 1

// interpolate resizes src to dst as torch's bicubic interpolation does. Positions lie step elements apart.
func (f refit) interpolate(dst, src []float32, step int) error {
	y, err := resample.TorchOffset(resample.Bicubic, f.own.grid[0], f.to[0], f.offset)
	if err != nil {
		return err
	}
	x, err := resample.TorchOffset(resample.Bicubic, f.own.grid[1], f.to[1], f.offset)
	if err != nil {
		return err
	}
	sep := resample.NewSeparable(x, y)
	in, out, scratch := make([]float32, sep.InLen()), make([]float32, sep.OutLen()), make([]float32, sep.Scratch())
	for j := range len(src) / len(in) {
		from, to := j, j // first elements of feature j
		if step == plane {
			from, to = j*len(in), j*len(out)
		}
		for i := range in {
			in[i] = src[from+i*step]
		}
		sep.Apply(out, in, scratch)
		for i, v := range out {
			dst[to+i*step] = v
		}
	}
	return nil
}
