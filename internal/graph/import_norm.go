package graph

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// importSoftmax: before operator set 13 the axes from "axis" on are flattened and normalised together.
func importSoftmax(c *call) []*Value    { return one(c.softmax(false)) }
func importLogSoftmax(c *call) []*Value { return one(c.softmax(true)) }

func (c *call) softmax(log bool) *Value {
	g, x := c.g(), c.in(0)
	if c.opset() >= 13 {
		return g.Softmax(x, axis(c.int("axis", -1), len(x.Shape)), log)
	}
	a := axis(c.int("axis", 1), len(x.Shape))
	if a == len(x.Shape)-1 {
		return g.Softmax(x, a, log)
	}
	flat := g.Reshape(x, []int{Size(x.Shape[:a]), Size(x.Shape[a:])})
	return g.Reshape(g.Softmax(flat, 1, log), x.Shape)
}

// importHardmax is 1 at the first largest element of an axis (before operator set 13: of all axes from
// "axis" on), else 0.
func importHardmax(c *call) []*Value {
	g, x := c.g(), c.in(0)
	a, flat := axis(c.int("axis", -1), len(x.Shape)), x
	if c.opset() < 13 {
		a = axis(c.int("axis", 1), len(x.Shape))
		flat = g.Reshape(x, []int{Size(x.Shape[:a]), Size(x.Shape[a:])})
		a = 1
	}
	at := g.emit(ArgExtreme{Axis: a}, flat)
	count := g.allocate(Int64, onAxis(len(flat.Shape), a, flat.Shape[a])...)
	for i := range count.I {
		count.I[i] = int64(i)
	}
	hit := g.emit(Cast{Float32}, g.emit(Binary{kernel.Equal}, at, Constant(count)))
	return one(g.Reshape(hit, x.Shape))
}

// onAxis is a shape of length n on one axis and 1 on the others.
func onAxis(rank, a, n int) []int {
	s := make([]int, rank)
	for i := range s {
		s[i] = 1
	}
	s[a] = n
	return s
}

func importLayerNorm(c *call) []*Value {
	g, x := c.g(), c.in(0)
	a := axis(c.int("axis", -1), len(x.Shape))
	y := g.layerNorm(x, c.in(1), c.opt(2), a, c.float("epsilon", 1e-5))
	if len(c.n.Outputs) < 2 {
		return one(y)
	}
	mean, rstd := g.rowStats(x, a, c.float("epsilon", 1e-5))
	return []*Value{y, mean, rstd}
}

// rowStats gives mean and 1/√(var+eps) over the axes from a on, which stay with length 1.
func (g *Graph) rowStats(x *Value, a int, eps float32) (mean, rstd *Value) {
	var over []int
	for i := a; i < len(x.Shape); i++ {
		over = append(over, i)
	}
	mean = g.emit(newReduce(kernel.Mean, over, true), x)
	variance := g.emit(newReduce(kernel.Mean, over, true), g.Map(kernel.Square, g.Sub(x, mean)))
	return mean, g.Map(kernel.ReciprocalSqrt, g.Add(variance, scalar(eps)))
}

// layerNorm normalises the axes from a on together.
func (g *Graph) layerNorm(x, scale, bias *Value, a int, eps float32) *Value {
	n := Size(x.Shape[a:])
	flat := g.Reshape(x, append(slices.Clone(x.Shape[:a]), n))
	op, in := LayerNorm{Eps: eps}, []*Value{flat}
	row := func(v *Value) *Value {
		return g.Reshape(g.Expand(v, x.Shape[a:]), []int{n})
	}
	if scale != nil {
		op.Scale = true
		in = append(in, row(scale))
	}
	if bias != nil {
		op.Bias = true
		in = append(in, row(bias))
	}
	return g.Reshape(g.Emit(op, in...)[0], x.Shape)
}

// importBatchNorm applies the stored statistics: one factor and one offset per channel. In training mode
// they are those of the batch, which is known where it is constant, as standardised weights are.
func importBatchNorm(c *call) []*Value {
	g, x, mean, variance := c.g(), c.in(0), c.in(3), c.in(4)
	shape := channelShape(x.Shape)
	if c.int("training_mode", 0) == 1 {
		if x.Const == nil {
			fail("training mode is not supported; export the model in evaluation mode")
		}
		mean, variance = g.channelStats(x)
	}
	inv := g.Map(kernel.ReciprocalSqrt, g.Add(variance, scalar(c.float("epsilon", 1e-5))))
	factor := g.Mul(c.in(1), inv)
	offset := g.Sub(c.in(2), g.Mul(mean, factor))
	y := g.Mul(x, g.Reshape(factor, shape))
	return one(g.Add(y, g.Reshape(offset, shape)))
}

// channelStats gives mean and variance of each channel (axis 1) over all else.
func (g *Graph) channelStats(x *Value) (mean, variance *Value) {
	over := []int{0}
	for i := 2; i < len(x.Shape); i++ {
		over = append(over, i)
	}
	mean = g.emit(newReduce(kernel.Mean, over, true), x)
	square := g.Map(kernel.Square, g.Sub(x, mean))
	n := []int{x.Shape[1]}
	return g.Reshape(mean, n), g.Reshape(g.emit(newReduce(kernel.Mean, over, true), square), n)
}

// channelShape is the shape of one number per channel (axis 1) that broadcasts over x.
func channelShape(x []int) []int {
	if len(x) < 2 {
		fail("shape %v has no channels", x)
	}
	s := make([]int, len(x)-1)
	for i := range s {
		s[i] = 1
	}
	s[0] = x[1]
	return s
}
