package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Concat joins its inputs along an axis.
type Concat struct{ Axis int }

func (o Concat) String() string { return fmt.Sprintf("Concat(axis=%d)", o.Axis) }

func (o Concat) Infer(in []*Value) ([]Type, error) {
	shape := append([]int(nil), in[0].Shape...)
	if o.Axis < 0 || o.Axis >= len(shape) {
		return nil, fmt.Errorf("axis %d outside shape %v", o.Axis, shape)
	}
	d := in[0].DType
	for _, v := range in[1:] {
		if len(v.Shape) != len(shape) {
			return nil, fmt.Errorf("shapes %v and %v do not join", shape, v.Shape)
		}
		for i := range shape {
			if i != o.Axis && shape[i] != v.Shape[i] {
				return nil, fmt.Errorf("shapes %v and %v do not join along axis %d", in[0].Shape, v.Shape, o.Axis)
			}
		}
		shape[o.Axis] += v.Shape[o.Axis]
		if v.DType == Float32 {
			d = Float32
		}
	}
	return []Type{{d, shape}}, nil
}

func (o Concat) Bind(b *Binder, in, out []*Tensor) func() {
	y := out[0]
	to := Strides(y.Shape)
	from, at := make([][]int, len(in)), make([]int, len(in))
	next := 0
	for i, x := range in {
		from[i], at[i] = Strides(x.Shape), next*to[o.Axis]
		next += x.Shape[o.Axis]
	}
	return func() {
		for i, x := range in {
			if y.DType == Float32 {
				kernel.StridedCopyAt(y.F, at[i], to, x.F, 0, from[i], x.Shape)
			} else {
				kernel.StridedCopyAt(y.I, at[i], to, x.I, 0, from[i], x.Shape)
			}
		}
	}
}

func (o Concat) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	out := make([]*Value, len(n.In))
	at := 0
	for i, v := range n.In {
		if need[i] && dy[0] != nil {
			out[i] = g.SliceAxis(dy[0], o.Axis, at, v.Shape[o.Axis])
		}
		at += v.Shape[o.Axis]
	}
	return out
}

// Concat joins values along an axis, leaving out empty ones.
func (g *Graph) Concat(axis int, in ...*Value) *Value {
	var parts []*Value
	for _, v := range in {
		if Size(v.Shape) > 0 {
			parts = append(parts, v)
		}
	}
	switch len(parts) {
	case 0:
		return in[0]
	case 1:
		return parts[0]
	}
	return g.emit(Concat{axis}, parts...)
}
