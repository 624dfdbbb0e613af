package graph

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// groupNorm normalises groups of neighbouring channels of [N,C,...] with their positions (Wu and He, arXiv
// 1803.08494): rows of a layer norm without scale.
func (g *Graph) groupNorm(x *Value, groups int, eps float32) *Value {
	if len(x.Shape) < 2 || groups < 1 || x.Shape[1]%groups != 0 || Size(x.Shape) == 0 {
		fail("%d groups of the channels of %v", groups, x.Shape)
	}
	rows := g.Reshape(x, []int{x.Shape[0], groups, Size(x.Shape) / (x.Shape[0] * groups)})
	return g.Reshape(g.Emit(LayerNorm{Eps: eps}, rows)[0], x.Shape)
}

// perChannel applies a factor and an offset to every channel, leaving out ones and zeros.
func (g *Graph) perChannel(x, scale, bias *Value) *Value {
	shape := channelShape(x.Shape)
	if scale != nil && !allEqual(scale, 1) {
		x = g.Mul(x, g.Reshape(scale, shape))
	}
	if bias != nil && !allEqual(bias, 0) {
		x = g.Add(x, g.Reshape(bias, shape))
	}
	return x
}

// allEqual tells whether x is constant and every element is v.
func allEqual(x *Value, v float64) bool {
	if x.Const == nil {
		return false
	}
	for i := range x.Const.Len() {
		if element(x.Const, i) != v {
			return false
		}
	}
	return true
}

func importInstanceNorm(c *call) []*Value {
	g, x := c.g(), c.in(0)
	y := g.groupNorm(x, channelShape(x.Shape)[0], c.float("epsilon", 1e-5))
	return one(g.perChannel(y, c.in(1), c.in(2)))
}

// importGroupNorm: scale and bias belong to groups before operator set 21, to channels after.
func importGroupNorm(c *call) []*Value {
	g, x := c.g(), c.in(0)
	groups := c.int("num_groups", 0)
	y := g.groupNorm(x, groups, c.float("epsilon", 1e-5))
	each := func(v *Value) *Value {
		if n := Size(v.Shape); n == x.Shape[1] {
			return v
		} else if n != groups {
			fail("%d factors for %d groups and %d channels", n, groups, x.Shape[1])
		}
		wide := g.Expand(g.Reshape(v, []int{groups, 1}), []int{groups, x.Shape[1] / groups})
		return g.Reshape(wide, []int{x.Shape[1]})
	}
	return one(g.perChannel(y, each(c.in(1)), each(c.in(2))))
}

// importRMSNorm is x/√(mean(x²)+eps)·scale over the axes from "axis" on (Zhang and Sennrich, arXiv
// 1910.07467).
func importRMSNorm(c *call) []*Value {
	x := c.in(0)
	a := axis(c.int("axis", -1), len(x.Shape))
	return one(c.g().rmsNorm(x, c.opt(1), a, c.float("epsilon", 1e-5)))
}

// rmsNorm normalises the axes from a on together.
func (g *Graph) rmsNorm(x, scale *Value, a int, eps float32) *Value {
	n := Size(x.Shape[a:])
	in := []*Value{g.Reshape(x, append(slices.Clone(x.Shape[:a]), n))}
	if scale != nil {
		in = append(in, g.Reshape(g.Expand(scale, x.Shape[a:]), []int{n}))
	}
	return g.Reshape(g.Emit(RMSNorm{eps, scale != nil}, in...)[0], x.Shape)
}

// importLpNorm divides by the 1- or 2-norm along an axis; a zero norm gives zeros.
func importLpNorm(c *call) []*Value {
	g, x := c.g(), c.in(0)
	a := axis(c.int("axis", -1), len(x.Shape))
	kind := kernel.L2
	switch p := c.int("p", 2); p {
	case 1:
		kind = kernel.L1
	case 2:
	default:
		fail("p is %d; 1 and 2 are defined", p)
	}
	norm := g.emit(newReduce(kind, []int{a}, true), x)
	return one(g.Div(x, g.emit(Binary{kernel.Max}, norm, scalar(tiny))))
}

// tiny keeps a zero norm from dividing.
const tiny = 1e-30

// importMeanVarianceNorm is (x-mean)/(std+1e-9), over all axes but the channels' by default.
func importMeanVarianceNorm(c *call) []*Value {
	g, x := c.g(), c.in(0)
	over := c.ints("axes")
	if over == nil {
		over = []int{0, 2, 3}
	}
	over = axes(over, len(x.Shape))
	mean := g.emit(newReduce(kernel.Mean, over, true), x)
	d := g.Sub(x, mean)
	variance := g.emit(newReduce(kernel.Mean, over, true), g.Map(kernel.Square, d))
	return one(g.Div(d, g.Add(g.Map(kernel.Sqrt, variance), scalar(1e-9))))
}

// importMSGroupNorm is com.microsoft's GroupNorm on [N,H,W,C] (or [N,C,H,W]) with an optional swish.
func importMSGroupNorm(c *call) []*Value {
	g, x := c.g(), c.in(0)
	if len(x.Shape) != 4 {
		fail("input of shape %v", x.Shape)
	}
	last := c.int("channels_last", 1) == 1
	if last {
		x = g.Transpose(x, []int{0, 3, 1, 2})
	}
	y := g.perChannel(g.groupNorm(x, c.int("groups", 0), c.float("epsilon", 1e-5)), c.in(1), c.in(2))
	if c.int("activation", 0) == 1 {
		y = g.Map(kernel.SiLU, y)
	}
	if last {
		y = g.Transpose(y, []int{0, 2, 3, 1})
	}
	return one(y)
}

// importLRN divides by a power of the sum of squares over neighbouring channels.
func importLRN(c *call) []*Value {
	g, x := c.g(), c.in(0)
	size := c.int("size", 0)
	if len(x.Shape) < 2 || size < 1 || size > 1<<12 {
		fail("size %d for shape %v", size, x.Shape)
	}
	before, after := make([]int, len(x.Shape)), make([]int, len(x.Shape))
	before[1], after[1] = (size-1)/2, size/2
	wide := g.emit(Pad{before, after, 0}, g.Map(kernel.Square, x))
	sum := g.SliceAxis(wide, 1, 0, x.Shape[1])
	for i := 1; i < size; i++ {
		sum = g.Add(sum, g.SliceAxis(wide, 1, i, x.Shape[1]))
	}
	base := g.Add(scalar(c.float("bias", 1)), g.Mul(sum, scalar(c.float("alpha", 1e-4)/float32(size))))
	return one(g.Div(x, g.Pow(base, scalar(c.float("beta", 0.75)))))
}
