package graph

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

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
	case onnx.Uint4:
		return 0, 15
	case onnx.Int4:
		return -8, 7
	}
	fail("quantisation to %s is not supported", d)
	return 0, 0
}

// perAxis shapes scales or zero points so that they broadcast over x: one, one for each place on the node's axis, or, from
// operator set 21 on, one for each block of places there.
func (c *call) perAxis(v, x *Value) *Value {
	if Size(v.Shape) == 1 {
		return c.g().Reshape(v, []int{})
	}
	if b := c.int("block_size", 0); b != 0 && len(v.Shape) > 1 {
		return c.g().blocks(v, x.Shape, axis(c.int("axis", 1), len(x.Shape)), b)
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
	y := g.float(x)
	if c.has(2) {
		y = g.Sub(y, g.float(c.perAxis(c.in(2), x)))
	}
	return one(g.Mul(y, c.perAxis(c.in(1), x)))
}

// blocks repeats each entry of v along axis a for the size places of its block.
func (g *Graph) blocks(v *Value, shape []int, a, size int) *Value {
	want := slices.Clone(shape)
	if size > 0 {
		want[a] = (shape[a]-1)/size + 1
	}
	if size < 0 || size > maxElements || !SameShape(v.Shape, want) {
		fail("scale of shape %v for blocks of %d along axis %d of %v", v.Shape, size, a, shape)
	}
	long := slices.Insert(slices.Clone(want), a+1, 1)
	v = g.Reshape(v, slices.Clone(long))
	long[a+1] = min(size, shape[a])
	want[a] *= long[a+1]
	return g.SliceAxis(g.Reshape(g.Expand(v, long), want), a, 0, shape[a])
}

// float converts integers to float32.
func (g *Graph) float(x *Value) *Value {
	if x.DType == Float32 {
		return x
	}
	return g.emit(Cast{Float32}, x)
}
