package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Pad adds Before and After elements of value Fill around its input; both are non-negative.
type Pad struct {
	Before, After []int
	Fill          float32
}

func (o Pad) String() string {
	return fmt.Sprintf("Pad(before=%v after=%v fill=%g)", o.Before, o.After, o.Fill)
}

func (o Pad) Infer(in []*Value) ([]Type, error) {
	shape := append([]int(nil), in[0].Shape...)
	if len(o.Before) != len(shape) || len(o.After) != len(shape) {
		return nil, fmt.Errorf("pads of rank %d on shape %v", len(o.Before), shape)
	}
	for i := range shape {
		shape[i] += o.Before[i] + o.After[i]
	}
	return []Type{{in[0].DType, shape}}, nil
}

func (o Pad) inside(shape []int) Slice {
	step := make([]int, len(shape))
	for i := range step {
		step[i] = 1
	}
	return Slice{o.Before, step, shape}
}

func (o Pad) Bind(b *Binder, in, out []*Tensor) func() {
	x, y := in[0], out[0]
	off, strides := o.inside(x.Shape).view(y.Shape)
	own := Strides(x.Shape)
	return func() {
		if y.DType == Float32 {
			fillWith(y.F, o.Fill)
			kernel.StridedCopyAt(y.F, off, strides, x.F, 0, own, x.Shape)
		} else {
			fillWith(y.I, int64(o.Fill))
			kernel.StridedCopyAt(y.I, off, strides, x.I, 0, own, x.Shape)
		}
	}
}

func fillWith[T any](s []T, v T) {
	for i := range s {
		s[i] = v
	}
}

func (o Pad) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	if dy[0] == nil {
		return []*Value{nil}
	}
	return []*Value{g.Slice(dy[0], o.inside(n.In[0].Shape))}
}
