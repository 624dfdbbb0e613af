package graph

import "slices"

// A file made for a fixed number of images has that number in its constants. The graph is for one image:
// shapes and repeated constants are reduced to it where they meet values of one image.

// oneImage reduces a constant shape for n images, whose elements are n times those of x, to one image: the
// axis that is, or is a multiple of, n after those that x has too.
func oneImage(x, to []int, n int) ([]int, bool) {
	if n < 2 || Size(to) != n*Size(x) {
		return to, false
	}
	out := slices.Clone(to)
	for i := range out {
		switch {
		case i == 0 && out[0] == n:
			out[0] = 1
			return out, true
		case i < len(x) && out[i] == x[i]:
		case out[i]%n == 0:
			out[i] /= n
			return out, true
		default:
			return to, false
		}
	}
	return to, false
}

// oneRow takes one image's row of a constant that repeats it for every image of the batch, along the axes where
// shape, aligned at the last axis, has length 1.
func (im *importer) oneRow(v *Value, shape []int) *Value {
	n := im.g.Image.Batch
	if n < 2 || v.Const == nil || len(v.Shape) > len(shape) {
		return v
	}
	shape = shape[len(shape)-len(v.Shape):]
	for a, d := range v.Shape {
		if d != n || shape[a] != 1 {
			continue
		}
		first := im.g.SliceAxis(v, a, 0, 1)
		same := im.g.Expand(first, v.Shape)
		if slices.Equal(same.Const.F, v.Const.F) && slices.Equal(same.Const.I, v.Const.I) {
			return first
		}
	}
	return v
}
