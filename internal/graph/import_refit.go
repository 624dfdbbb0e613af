package graph

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Where an image has another size than the file was made for, constants that hold something for each position, and
// constant shapes, are replaced where they meet computed values.

func importAdd(c *call) []*Value { return one(c.besideConstant(kernel.Add)) }
func importMul(c *call) []*Value { return one(c.besideConstant(kernel.Mul)) }

func (c *call) besideConstant(fn kernel.Binary) *Value {
	x, y := c.in(0), c.in(1)
	if c.im.constant != nil {
		x, y = c.refitted(x, y, fn == kernel.Add), c.refitted(y, x, fn == kernel.Add)
	}
	return c.binary(fn, x, y)
}

// refitted is k, or what takes its place beside x if it is a constant with rows.
func (c *call) refitted(k, x *Value, added bool) *Value {
	r := len(k.Shape)
	if k.Const == nil || x.Const != nil || k.DType != Float32 || r < 2 || len(x.Shape) < 2 || Size(k.Shape) == k.Shape[r-1] || Size(k.Shape) == 0 {
		return k
	}
	t, err := c.im.constant(k.Const, x.Shape, added)
	check(err)
	if t == k.Const {
		return k
	}
	return Constant(t)
}

// maxRefit bounds the axes of a shape in which lengths are replaced.
const maxRefit = 6

// refitShape replaces lengths of the own image size in a constant shape that x cannot take, so that it can. Where there
// are several ways, axes at either end that x has too are kept.
func (im *importer) refitShape(x, to []int) []int {
	if len(im.lengths) == 0 || Size(to) == Size(x) || len(to) > maxRefit {
		return to
	}
	best, score := to, -1
	try := slices.Clone(to)
	var walk func(i int)
	walk = func(i int) {
		if i < len(to) {
			walk(i + 1)
			for _, l := range im.lengths {
				if l[0] == to[i] && l[1] != to[i] {
					try[i] = l[1]
					walk(i + 1)
				}
			}
			try[i] = to[i]
			return
		}
		if s := sharedEnds(x, try); Size(try) == Size(x) && s > score {
			best, score = slices.Clone(try), s
		}
	}
	walk(0)
	return best
}

// sharedEnds counts the axes that two shapes have in common at their ends.
func sharedEnds(a, b []int) (n int) {
	k := min(len(a), len(b))
	for i := 0; i < k && a[i] == b[i]; i++ {
		n++
	}
	for i := 1; i <= k && a[len(a)-i] == b[len(b)-i]; i++ {
		n++
	}
	return n
}
