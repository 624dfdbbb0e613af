package graph

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// Integers of quantised operators are kept in float32, which holds products of bytes and sums of up to
// 2²⁴ exactly and rounds larger sums to one part in 2²⁴.

// DynamicQuantize maps x to bytes by the range it finds in x. Results: the bytes, their scale and their
// zero point. It has no gradient: the scale depends on the data.
type DynamicQuantize struct{}

func (DynamicQuantize) String() string { return "DynamicQuantizeLinear" }

// Infer implements Op.
func (DynamicQuantize) Infer(in []*Value) ([]Type, error) {
	return []Type{{Float32, in[0].Shape}, {Float32, []int{}}, {Float32, []int{}}}, nil
}

// Bind implements Op.
func (DynamicQuantize) Bind(b *Binder, in, out []*Tensor) func() {
	for i := range out {
		if out[i] == nil {
			out[i] = NewTensor(Float32, []int{1}...)
			if i == 0 {
				out[i] = NewTensor(Float32, in[0].Shape...)
			}
		}
	}
	x, y := in[0].F, out[0].F
	return func() {
		lo, hi := float32(0), float32(0)
		for _, v := range x {
			lo, hi = min(lo, v), max(hi, v)
		}
		scale := (hi - lo) / 255
		zero := float32(0)
		if scale != 0 {
			zero = roundEven(min(max(-lo/scale, 0), 255))
		}
		for i, v := range x {
			q := zero
			if scale != 0 {
				q = min(max(roundEven(v/scale)+zero, 0), 255)
			}
			y[i] = q
		}
		out[1].F[0], out[2].F[0] = scale, zero
	}
}

func roundEven(v float32) float32 { return float32(math.RoundToEven(float64(v))) }

func importDynamicQuantize(c *call) []*Value {
	y := c.g().Emit(DynamicQuantize{}, c.in(0))
	for _, v := range []*Value{y[0], y[2]} {
		c.im.elem[v] = onnx.Uint8
	}
	return y
}

// centred is input x minus its zero point, which belongs to rows (axis -2), columns (-1) or channels.
func (c *call) centred(x, zero *Value, a int) *Value {
	g := c.g()
	x = g.float(x)
	if zero == nil {
		return x
	}
	zero = g.float(zero)
	if n := Size(zero.Shape); n > 1 {
		shape := make([]int, len(x.Shape))
		for i := range shape {
			shape[i] = 1
		}
		shape[axis(a, len(shape))] = n
		zero = g.Reshape(zero, shape)
	} else {
		zero = g.Reshape(zero, []int{})
	}
	return g.Sub(x, zero)
}

func importMatMulInteger(c *call) []*Value {
	return one(c.g().MatMul(c.centred(c.in(0), c.opt(2), -2), c.centred(c.in(1), c.opt(3), -1)))
}

func importConvInteger(c *call) []*Value {
	return one(c.conv(c.centred(c.in(0), c.opt(2), 1), c.centred(c.in(1), c.opt(3), 0), nil))
}

// dequantized is (x - zero)·scale, with scale and zero along axis a where they have several elements.
func (c *call) dequantized(x, scale, zero *Value, a int) *Value {
	g := c.g()
	y := c.centred(x, zero, a)
	if n := Size(scale.Shape); n > 1 {
		shape := make([]int, len(x.Shape))
		for i := range shape {
			shape[i] = 1
		}
		shape[axis(a, len(shape))] = n
		scale = g.Reshape(scale, shape)
	} else {
		scale = g.Reshape(scale, []int{})
	}
	return g.Mul(y, scale)
}

// requantized maps y back to the integers of the zero point at input i, or to bytes.
func (c *call) requantized(y, scale *Value, i int) []*Value {
	elem, zero := onnx.Uint8, scalar(0)
	if c.has(i) {
		elem, zero = c.elem(i), c.in(i)
	}
	lo, hi := quantRange(elem)
	one1 := func(v *Value) *Value { return c.g().Reshape(v, []int{}) }
	q := c.g().emit(Quantize{lo, hi}, y, one1(scale), one1(zero))
	c.im.elem[q] = elem
	return one(q)
}

func importQLinearMatMul(c *call) []*Value {
	a := c.dequantized(c.in(0), c.in(1), c.opt(2), -2)
	b := c.dequantized(c.in(3), c.in(4), c.opt(5), -1)
	return c.requantized(c.g().MatMul(a, b), c.in(6), 7)
}

func importQLinearConv(c *call) []*Value {
	x := c.dequantized(c.in(0), c.in(1), c.opt(2), 1)
	w := c.dequantized(c.in(3), c.in(4), c.opt(5), 0)
	var bias *Value
	if c.has(8) { // integers of scale x_scale·w_scale
		g := c.g()
		bias = g.Mul(g.float(c.in(8)), g.Mul(g.Reshape(c.in(1), []int{}), g.Reshape(c.in(4), []int{Size(c.in(4).Shape)})))
	}
	return c.requantized(c.conv(x, w, bias), c.in(6), 7)
}

// importDynamicQuantizeMatMul is com.microsoft's: A is quantised on the fly, B holds integers.
func importDynamicQuantizeMatMul(c *call) []*Value {
	g := c.g()
	q := g.Emit(DynamicQuantize{}, c.in(0))
	a := g.Mul(g.Sub(q[0], q[2]), q[1])
	y := g.MatMul(a, c.dequantized(c.in(1), c.in(2), c.opt(3), -1))
	if c.has(4) {
		y = g.Add(y, c.in(4))
	}
	return one(y)
}

// importMatMulIntegerToFloat is com.microsoft's: both operands hold integers.
func importMatMulIntegerToFloat(c *call) []*Value {
	y := c.g().MatMul(c.dequantized(c.in(0), c.in(2), c.opt(4), -2), c.dequantized(c.in(1), c.in(3), c.opt(5), -1))
	if c.has(6) {
		y = c.g().Add(y, c.in(6))
	}
	return one(y)
}
