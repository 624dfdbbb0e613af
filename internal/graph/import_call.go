package graph

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// call is one ONNX node being imported: its inputs and attributes, read with checks.
type call struct {
	im *importer
	n  *onnx.Node
}

func (c *call) g() *Graph { return c.im.g }

// opset is the version of the node's operator set.
func (c *call) opset() int64 { return c.im.opset(c.n.Domain) }

// has tells whether input i is given.
func (c *call) has(i int) bool { return i < len(c.n.Inputs) && c.n.Inputs[i] != "" }

// in is input i.
func (c *call) in(i int) *Value {
	if !c.has(i) {
		fail("input %d is missing", i)
	}
	v := c.im.get(c.n.Inputs[i])
	if len(v) != 1 {
		fail("input %q is not a tensor", c.n.Inputs[i])
	}
	return v[0]
}

// opt is input i, or nil.
func (c *call) opt(i int) *Value {
	if !c.has(i) {
		return nil
	}
	return c.in(i)
}

// sequence is the list of tensors at input i.
func (c *call) sequence(i int) []*Value {
	if !c.has(i) {
		fail("input %d is missing", i)
	}
	return c.im.get(c.n.Inputs[i])
}

// elem is the element type that input i was declared with.
func (c *call) elem(i int) onnx.DType {
	v := c.in(i)
	if d, ok := c.im.elem[v]; ok {
		return d
	}
	switch v.DType {
	case Int64:
		return onnx.Int64
	case Bool:
		return onnx.Bool
	}
	return onnx.Float32
}

// constant is input i, which must be known when the model is loaded.
func (c *call) constant(i int) *Tensor {
	v := c.in(i)
	if v.Const == nil {
		fail("input %q must be constant, but it depends on the image", c.n.Inputs[i])
	}
	return v.Const
}

// constInts is input i as integers.
func (c *call) constInts(i int) []int {
	t := c.constant(i)
	out := make([]int, t.Len())
	for j := range out {
		out[j] = int(toInt(t, j))
	}
	return out
}

// constFloat is input i as one number, or def if it is not given.
func (c *call) constFloat(i int, def float32) float32 {
	if !c.has(i) {
		return def
	}
	t := c.constant(i)
	if t.Len() != 1 {
		fail("input %q must be a scalar", c.n.Inputs[i])
	}
	return float32(element(t, 0))
}

func (c *call) attr(name string, kind onnx.AttrKind) *onnx.Attribute {
	a := c.n.Attrs[name]
	if a != nil && a.Kind != kind {
		fail("attribute %q has the wrong type", name)
	}
	return a
}

func (c *call) int(name string, def int) int {
	if a := c.attr(name, onnx.AttrInt); a != nil {
		return int(a.Int)
	}
	return def
}

func (c *call) float(name string, def float32) float32 {
	if a := c.attr(name, onnx.AttrFloat); a != nil {
		return a.Float
	}
	return def
}

func (c *call) str(name, def string) string {
	if a := c.attr(name, onnx.AttrString); a != nil {
		return string(a.Bytes)
	}
	return def
}

// ints is an attribute of integers; nil if absent.
func (c *call) ints(name string) []int {
	a := c.attr(name, onnx.AttrInts)
	if a == nil {
		return nil
	}
	out := make([]int, len(a.Ints))
	for i, v := range a.Ints {
		out[i] = int(v)
	}
	return out
}

// intsOr reads integers from an attribute or, in later operator sets, from input i; nil if neither is
// given.
func (c *call) intsOr(name string, i int) []int {
	if v := c.ints(name); v != nil {
		return v
	}
	if c.has(i) {
		return c.constInts(i)
	}
	return nil
}

// axis resolves a possibly negative axis.
func axis(a, rank int) int {
	if a < -rank || a >= rank {
		fail("axis %d outside rank %d", a, rank)
	}
	if a < 0 {
		return a + rank
	}
	return a
}

// axes resolves a list of axes and sorts it.
func axes(list []int, rank int) []int {
	out := make([]int, len(list))
	for i, a := range list {
		out[i] = axis(a, rank)
	}
	slices.Sort(out)
	return out
}

// one wraps a single result.
func one(v *Value) []*Value { return []*Value{v} }
