package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Slice takes Size[i] elements from Start[i] on in steps of Step[i] along every axis.
type Slice struct{ Start, Step, Size []int }

func (o Slice) String() string {
	return fmt.Sprintf("Slice(start=%v step=%v size=%v)", o.Start, o.Step, o.Size)
}

func (o Slice) Infer(in []*Value) ([]Type, error) {
	shape := in[0].Shape
	if len(o.Start) != len(shape) || len(o.Size) != len(shape) || len(o.Step) != len(shape) {
		return nil, fmt.Errorf("slice of rank %d on shape %v", len(o.Start), shape)
	}
	for i, n := range o.Size {
		last := o.Start[i] + (n-1)*o.Step[i]
		if n > 0 && (min(o.Start[i], last) < 0 || max(o.Start[i], last) >= shape[i]) {
			return nil, fmt.Errorf("slice leaves axis %d of shape %v", i, shape)
		}
	}
	return []Type{{in[0].DType, o.Size}}, nil
}

// offset and strides of the slice inside a tensor of the given shape.
func (o Slice) view(shape []int) (off int, strides []int) {
	strides = Strides(shape)
	for i := range strides {
		off += o.Start[i] * strides[i]
		strides[i] *= o.Step[i]
	}
	return off, strides
}

// contiguous gives the offset of the slice where it is one run of memory.
func (o Slice) contiguous(shape []int) (off int, ok bool) {
	off, strides := o.view(shape)
	own := Strides(o.Size)
	for i, n := range o.Size {
		if n != 1 && strides[i] != own[i] {
			return 0, false
		}
	}
	return off, true
}

func (o Slice) Bind(b *Binder, in, out []*Tensor) func() {
	x, y := in[0], out[0]
	if y.Len() == 0 {
		return func() {}
	}
	off, strides := o.view(x.Shape)
	own := Strides(o.Size)
	if x.DType != Float32 {
		return func() { kernel.StridedCopyAt(y.I, 0, own, x.I, off, strides, o.Size) }
	}
	return func() { kernel.StridedCopyAt(y.F, 0, own, x.F, off, strides, o.Size) }
}

func (o Slice) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	if dy[0] == nil {
		return []*Value{nil}
	}
	return []*Value{g.emit(Embed{o, n.In[0].Shape}, dy[0])}
}

// Embed is the adjoint of a Slice: zeros of shape To with the input written where the slice took from.
type Embed struct {
	At Slice
	To []int
}

func (o Embed) String() string { return "Embed(" + o.At.String() + ")" }

func (o Embed) Infer(in []*Value) ([]Type, error) { return []Type{{in[0].DType, o.To}}, nil }

func (o Embed) Bind(b *Binder, in, out []*Tensor) func() {
	x, y := in[0], out[0]
	off, strides := o.At.view(o.To)
	own := Strides(o.At.Size)
	return func() {
		clear(y.F)
		if len(x.F) > 0 {
			kernel.StridedCopyAt(y.F, off, strides, x.F, 0, own, o.At.Size)
		}
	}
}

func (o Embed) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	if dy[0] == nil {
		return []*Value{nil}
	}
	return []*Value{g.Slice(dy[0], o.At)}
}

// Slice emits o unless it takes everything.
func (g *Graph) Slice(x *Value, o Slice) *Value {
	if SameShape(x.Shape, o.Size) && isForward(o.Step) {
		return x
	}
	return g.emit(o, x)
}

func isForward(step []int) bool {
	for _, s := range step {
		if s != 1 {
			return false
		}
	}
	return true
}

// SliceAxis takes size elements from start on along one axis.
func (g *Graph) SliceAxis(x *Value, axis, start, size int) *Value {
	return g.Slice(x, axisSlice(x.Shape, axis, start, 1, size))
}

func axisSlice(shape []int, axis, start, step, size int) Slice {
	o := Slice{make([]int, len(shape)), make([]int, len(shape)), append([]int(nil), shape...)}
	for i := range o.Step {
		o.Step[i] = 1
	}
	o.Start[axis], o.Step[axis], o.Size[axis] = start, step, size
	return o
}
