package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// HeadRows reads attention heads out of a value: the result [1,T,Heads·D] has the heads of each token side
// by side, whatever layout At finds them in.
type HeadRows struct {
	At          View
	Heads, T, D int
}

func (o HeadRows) String() string { return fmt.Sprintf("HeadRows(heads=%d)", o.Heads) }

// Infer implements Op.
func (o HeadRows) Infer(in []*Value) ([]Type, error) {
	last := o.At.Off + (o.Heads-1)*o.At.Head + (o.T-1)*o.At.Row + o.D - 1
	if last >= Size(in[0].Shape) {
		return nil, fmt.Errorf("heads end at element %d of shape %v", last, in[0].Shape)
	}
	return []Type{{Float32, []int{1, o.T, o.Heads * o.D}}}, nil
}

// layout gives the shape of the pieces, their strides in the value and in the rows.
func (o HeadRows) layout() (shape, from, rows []int) {
	return []int{o.T, o.Heads, o.D}, []int{o.At.Row, o.At.Head, 1}, []int{o.Heads * o.D, o.D, 1}
}

// Bind implements Op.
func (o HeadRows) Bind(b *Binder, in, out []*Tensor) func() {
	shape, from, rows := o.layout()
	return func() { kernel.StridedCopyAt(out[0].F, 0, rows, in[0].F, o.At.Off, from, shape) }
}

// Grad implements Differentiable.
func (o HeadRows) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	if dy[0] == nil {
		return []*Value{nil}
	}
	return []*Value{g.emit(HeadRowsGrad{o, n.In[0].Shape}, dy[0])}
}

// HeadRowsGrad is the adjoint of HeadRows: zeros of shape To with the heads where they came from.
type HeadRowsGrad struct {
	HeadRows
	To []int
}

func (o HeadRowsGrad) String() string { return "HeadRowsGrad" }

// Infer implements Op.
func (o HeadRowsGrad) Infer(in []*Value) ([]Type, error) { return []Type{{Float32, o.To}}, nil }

// Bind implements Op.
func (o HeadRowsGrad) Bind(b *Binder, in, out []*Tensor) func() {
	shape, from, rows := o.layout()
	return func() {
		clear(out[0].F)
		kernel.StridedAddAt(out[0].F, o.At.Off, from, in[0].F, 0, rows, shape)
	}
}

// HeadRows appends the heads that a fused attention reads or writes, side by side. x is the value that they
// lie in.
func (g *Graph) HeadRows(x *Value, at View, heads, t, d int) (v *Value, err error) {
	what := "attention heads"
	defer Catch(&what, &err)
	if at.Off == 0 && (heads == 1 || at.Head == d) && (t == 1 || at.Row == heads*d) && Size(x.Shape) == heads*t*d {
		return g.Reshape(x, []int{1, t, heads * d}), nil
	}
	return g.emit(HeadRows{at, heads, t, d}, x), nil
}

// HeadRowsOf is HeadRows of a value [...,T,D] whose leading axes are the heads, or [...,D,T] if swapped.
func (g *Graph) HeadRowsOf(x *Value, swapped bool) (v *Value, err error) {
	what := "attention heads"
	defer Catch(&what, &err)
	r := len(x.Shape)
	if r < 2 {
		fail("shape %v", x.Shape)
	}
	t, d := x.Shape[r-2], x.Shape[r-1]
	heads := Size(x.Shape[:r-2])
	x = g.Reshape(x, []int{heads, t, d})
	perm := []int{1, 0, 2}
	if swapped {
		perm, t, d = []int{2, 0, 1}, d, t
	}
	return g.Reshape(g.Transpose(x, perm), []int{1, t, heads * d}), nil
}
