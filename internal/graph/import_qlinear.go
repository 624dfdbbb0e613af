package graph

import (
	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// ONNX Runtime's operators on quantised tensors: what they read is dequantised, and what they give is quantised again.

// qlinearBinary is com.microsoft's QLinearAdd or QLinearMul.
func qlinearBinary(fn kernel.Binary) func(*call) []*Value {
	return func(c *call) []*Value {
		a := c.dequantized(c.in(0), c.in(1), c.opt(2), 0)
		b := c.dequantized(c.in(3), c.in(4), c.opt(5), 0)
		return c.requantized(c.g().emit(Binary{fn}, a, b), c.in(6), 7)
	}
}

// qlinearUnary is an operator of com.microsoft on one quantised input: x, its scale and zero point, then
// those of the result.
func qlinearUnary(f func(c *call, x *Value) *Value) func(*call) []*Value {
	return func(c *call) []*Value {
		return c.requantized(f(c, c.dequantized(c.in(0), c.in(1), c.opt(2), 0)), c.in(3), 4)
	}
}

// importQGemm is alpha·op(A)·op(B) + C on integers, C of scale a_scale·b_scale; without y_scale the result is a float.
func importQGemm(c *call) []*Value {
	g, columns := c.g(), -1
	tb := c.int("transB", 0) == 1
	if tb {
		columns = -2
	}
	a, b := c.dequantized(c.in(0), c.in(1), c.opt(2), 0), c.dequantized(c.in(3), c.in(4), c.opt(5), columns)
	if len(a.Shape) != 2 || len(b.Shape) != 2 {
		fail("shapes %v and %v are not matrices", a.Shape, b.Shape)
	}
	if tb {
		b = g.Transpose(b, []int{1, 0})
	}
	if c.int("transA", 0) == 1 {
		a = g.Transpose(a, []int{1, 0})
	}
	y := g.MatMul(a, b)
	if c.has(6) {
		y = g.Add(y, g.Mul(g.float(c.in(6)), g.Mul(c.flatScale(1), c.flatScale(4))))
	}
	if alpha := c.float("alpha", 1); alpha != 1 {
		y = g.Mul(y, scalar(alpha))
	}
	if !c.has(7) {
		return one(y)
	}
	return c.requantized(y, c.in(7), 8)
}

// flatScale is the scale at input i, as a number or a row.
func (c *call) flatScale(i int) *Value {
	v := c.in(i)
	if n := Size(v.Shape); n > 1 {
		return c.g().Reshape(v, []int{n})
	}
	return c.g().Reshape(v, []int{})
}

// importQAttention is attention on a packed projection of integers; its result is a float.
func importQAttention(c *call) []*Value {
	if c.has(8) {
		fail("input 8 (past keys and values) is not supported")
	}
	x, w := c.dequantized(c.in(0), c.in(3), c.opt(6), 0), c.dequantized(c.in(1), c.in(4), c.opt(7), -1)
	return one(c.packedAttention(x, w, c.opt(2), 5, noInput))
}

// importQLinearConcat joins tensors of scales of their own: the result's scale and zero point, then three inputs for each.
func importQLinearConcat(c *call) []*Value {
	if len(c.n.Inputs) < 5 || len(c.n.Inputs)%3 != 2 {
		fail("%d inputs; a scale and a zero point and three for each part are needed", len(c.n.Inputs))
	}
	var parts []*Value
	for i := 2; i < len(c.n.Inputs); i += 3 {
		parts = append(parts, c.dequantized(c.in(i), c.in(i+1), c.opt(i+2), 0))
	}
	y := c.g().Concat(axis(c.int("axis", 0), len(parts[0].Shape)), parts...)
	return c.requantized(y, c.in(0), 1)
}

// importQLinearWhere chooses between two quantised tensors.
func importQLinearWhere(c *call) []*Value {
	a, b := c.dequantized(c.in(1), c.in(2), c.opt(3), 0), c.dequantized(c.in(4), c.in(5), c.opt(6), 0)
	return c.requantized(c.g().emit(Where{}, c.in(0), a, b), c.in(7), 8)
}

func qlinearLeakyRelu(c *call, x *Value) *Value {
	return c.g().emit(Binary{kernel.PRelu}, x, scalar(c.float("alpha", 0.01)))
}

func qlinearSigmoid(c *call, x *Value) *Value { return c.g().Map(kernel.Sigmoid, x) }

func qlinearSoftmax(c *call, x *Value) *Value {
	return c.g().Softmax(x, axis(c.int("axis", -1), len(x.Shape)), false)
}

func qlinearReduceMean(c *call, x *Value) *Value {
	over := axes(c.ints("axes"), len(x.Shape))
	if len(over) == 0 {
		for i := range x.Shape {
			over = append(over, i)
		}
	}
	return c.g().emit(newReduce(kernel.Mean, over, c.int("keepdims", 1) == 1), x)
}

func qlinearAveragePool(c *call, x *Value) *Value {
	return c.channelsFirst(x, func(x *Value) *Value { return c.pool(x, false) })
}

func qlinearGlobalAveragePool(c *call, x *Value) *Value {
	return c.channelsFirst(x, func(x *Value) *Value { return c.g().overPlaces(kernel.Mean, x) })
}

// channelsFirst applies f, which takes [1,C,H,W], to an image that the node may have as [1,H,W,C].
func (c *call) channelsFirst(x *Value, f func(x *Value) *Value) *Value {
	if c.int("channels_last", 0) == 0 {
		return f(x)
	}
	if len(x.Shape) != 4 {
		fail("channels_last of shape %v", x.Shape)
	}
	g := c.g()
	return g.Transpose(f(g.Transpose(x, []int{0, 3, 1, 2})), []int{0, 2, 3, 1})
}
