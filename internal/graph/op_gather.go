package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Gather picks entries along Axis of its first input by the indices of its second, whose shape takes the
// axis's place. Negative indices count from the end.
type Gather struct{ Axis int }

func (o Gather) String() string { return fmt.Sprintf("Gather(axis=%d)", o.Axis) }

func (o Gather) Infer(in []*Value) ([]Type, error) {
	x, idx := in[0], in[1]
	if o.Axis < 0 || o.Axis >= len(x.Shape) {
		return nil, fmt.Errorf("axis %d outside shape %v", o.Axis, x.Shape)
	}
	if idx.Const != nil {
		for _, i := range idx.Const.I {
			if i < -int64(x.Shape[o.Axis]) || i >= int64(x.Shape[o.Axis]) {
				return nil, fmt.Errorf("index %d outside axis %d of shape %v", i, o.Axis, x.Shape)
			}
		}
	}
	shape := append([]int(nil), x.Shape[:o.Axis]...)
	shape = append(append(shape, idx.Shape...), x.Shape[o.Axis+1:]...)
	return []Type{{x.DType, shape}}, nil
}

func (o Gather) split(shape []int) (outer, n, inner int) {
	return Size(shape[:o.Axis]), shape[o.Axis], Size(shape[o.Axis+1:])
}

func (o Gather) Bind(b *Binder, in, out []*Tensor) func() {
	x, idx, y := in[0], in[1].I, out[0]
	outer, n, inner := o.split(x.Shape)
	wrapped := make([]int64, len(idx))
	return func() {
		wrapIndices(wrapped, idx, n)
		if x.DType == Float32 {
			kernel.GatherAxis(y.F, x.F, wrapped, outer, n, inner)
		} else {
			kernel.GatherAxis(y.I, x.I, wrapped, outer, n, inner)
		}
	}
}

// wrapIndices maps negative indices to the end and clamps what runtime data puts outside.
func wrapIndices(dst, idx []int64, n int) {
	for i, v := range idx {
		if v < 0 {
			v += int64(n)
		}
		dst[i] = min(max(v, 0), int64(n-1))
	}
}

func (o Gather) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	if dy[0] == nil || !need[0] {
		return []*Value{nil, nil}
	}
	return []*Value{g.emit(Scatter{o.Axis, n.In[0].Shape}, dy[0], n.In[1]), nil}
}

// Scatter is the adjoint of Gather: zeros of shape To with the rows of the first input added at the
// indices of the second.
type Scatter struct {
	Axis int
	To   []int
}

func (o Scatter) String() string { return fmt.Sprintf("Scatter(axis=%d)", o.Axis) }

func (o Scatter) Infer(in []*Value) ([]Type, error) { return []Type{{Float32, o.To}}, nil }

func (o Scatter) Bind(b *Binder, in, out []*Tensor) func() {
	dy, idx, dx := in[0].F, in[1].I, out[0].F
	outer, n, inner := Gather{o.Axis}.split(o.To)
	wrapped := make([]int64, len(idx))
	return func() {
		clear(dx)
		wrapIndices(wrapped, idx, n)
		kernel.ScatterAddAxis(dx, dy, wrapped, outer, n, inner)
	}
}

// Grad implements Differentiable.
func (o Scatter) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	if dy[0] == nil || !need[0] {
		return []*Value{nil, nil}
	}
	return []*Value{g.emit(Gather{o.Axis}, dy[0], n.In[1]), nil}
}
