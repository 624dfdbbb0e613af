package graph

import "github.com/plumbline-ml/plumbline/internal/onnx"

// importQuantize keeps the quantised integers in float32; the declared type gives the range.
func importQuantize(c *call) []*Value {
	x := c.in(0)
	elem := onnx.Uint8
	zero := Constant(Scalar(0))
	if c.has(2) {
		elem, zero = c.elem(2), c.in(2)
	} else if d := c.int("output_dtype", 0); d != 0 {
		elem = onnx.DType(d)
	}
	lo, hi := quantRange(elem)
	scale, zero := c.perAxis(c.in(1), x), c.perAxis(zero, x)
	y := c.g().emit(Quantize{lo, hi}, x, scale, zero)
	c.im.elem[y] = elem
	return one(y)
}

func quantRange(d onnx.DType) (lo, hi float32) {
	switch d {
	case onnx.Uint8:
		return 0, 255
	case onnx.Int8:
		return -128, 127
	case onnx.Uint16:
		return 0, 65535
	case onnx.Int16:
		return -32768, 32767
	}
	fail("quantisation to %s is not supported", d)
	return 0, 0
}

// perAxis shapes a vector of scales or zero points so that it broadcasts along the node's axis.
func (c *call) perAxis(v, x *Value) *Value {
	if Size(v.Shape) == 1 {
		return c.g().Reshape(v, []int{})
	}
	a := axis(c.int("axis", 1), len(x.Shape))
	if len(v.Shape) != 1 || v.Shape[0] != x.Shape[a] {
		fail("scale of shape %v for axis %d of %v", v.Shape, a, x.Shape)
	}
	shape := make([]int, len(x.Shape))
	for i := range shape {
		shape[i] = 1
	}
	shape[a] = v.Shape[0]
	return c.g().Reshape(v, shape)
}

// importDequantize is (x - zero)·scale; on constant weights it folds.
func importDequantize(c *call) []*Value {
	g, x := c.g(), c.in(0)
	if c.int("block_size", 0) != 0 {
		fail("block-wise quantisation is not supported")
	}
	y := g.float(x)
	if c.has(2) {
		y = g.Sub(y, g.float(c.perAxis(c.in(2), x)))
	}
	return one(g.Mul(y, c.perAxis(c.in(1), x)))
}

// float converts integers to float32.
func (g *Graph) float(x *Value) *Value {
	if x.DType == Float32 {
		return x
	}
	return g.emit(Cast{Float32}, x)
}
