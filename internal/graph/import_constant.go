package graph

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

func importConstant(c *call) []*Value {
	for _, a := range c.n.Attrs {
		switch a.Name {
		case "value":
			if a.Tensor == nil {
				fail("attribute value holds no tensor")
			}
			t, err := fromONNX(a.Tensor)
			check(err)
			if c.im.depth == 0 {
				c.im.g.origin.named(t, c.n.Outputs[0])
			}
			v := Constant(t)
			c.im.elem[v] = a.Tensor.Type
			return one(v)
		case "value_float":
			return one(scalar(a.Float))
		case "value_floats":
			return one(Constant(Floats(a.Floats, len(a.Floats))))
		case "value_int":
			return one(Constant(Ints(a.Int).Reshaped()))
		case "value_ints":
			return one(Constant(Ints(a.Ints...)))
		case "value_string", "value_strings":
			fail("attribute %s holds text, which has no place in an encoder", a.Name)
		case "sparse_value":
			fail("attribute sparse_value: sparse constants are not supported: save the model with dense ones")
		}
	}
	fail("no attribute holds a value")
	return nil
}

func importConstantOfShape(c *call) []*Value {
	shape := positive(c.constInts(0))
	fill := Scalar(0)
	elem := onnx.Float32
	if a := c.n.Attrs["value"]; a != nil && a.Tensor != nil {
		t, err := fromONNX(a.Tensor)
		check(err)
		if t.Len() != 1 {
			fail("attribute value must hold one element")
		}
		fill, elem = t.Reshaped(), a.Tensor.Type
	}
	v := c.g().emit(Expand{shape}, Constant(fill))
	c.im.elem[v] = elem
	return one(v)
}

func importRange(c *call) []*Value {
	start, limit, delta := c.constant(0), c.constant(1), c.constant(2)
	if start.Len() != 1 || limit.Len() != 1 || delta.Len() != 1 {
		fail("start, limit and delta must be scalars")
	}
	a, b, d := element(start, 0), element(limit, 0), element(delta, 0)
	count := math.Ceil((b - a) / d)
	if d == 0 || math.IsInf(d, 0) || count != count || count > 1<<24 {
		fail("range from %g to %g in steps of %g is %w", a, b, d, ErrTooLarge)
	}
	n := max(int(count), 0)
	t := c.g().allocate(start.DType, n)
	for i := range n {
		if t.DType == Float32 {
			t.F[i] = float32(a + float64(i)*d)
		} else {
			t.I[i] = int64(a) + int64(i)*int64(d)
		}
	}
	v := Constant(t)
	c.im.elem[v] = c.elem(0)
	return one(v)
}
