package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Expand repeats its input along broadcast axes up to shape To.
type Expand struct{ To []int }

func (o Expand) String() string { return fmt.Sprintf("Expand%v", o.To) }

func (o Expand) Infer(in []*Value) ([]Type, error) {
	shape, err := BroadcastShape(in[0].Shape, o.To)
	if err == nil && !SameShape(shape, o.To) {
		err = fmt.Errorf("shape %v does not expand to %v", in[0].Shape, o.To)
	}
	return []Type{{in[0].DType, o.To}}, err
}

func (o Expand) Bind(b *Binder, in, out []*Tensor) func() {
	x, y := in[0], out[0]
	if y.Len() == 0 {
		return func() {}
	}
	from, own := broadcastStrides(x.Shape, o.To), Strides(o.To)
	if x.DType != Float32 {
		return func() { kernel.StridedCopyAt(y.I, 0, own, x.I, 0, from, o.To) }
	}
	return func() { kernel.StridedCopyAt(y.F, 0, own, x.F, 0, from, o.To) }
}

func (o Expand) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	if dy[0] == nil {
		return []*Value{nil}
	}
	return []*Value{g.unbroadcast(dy[0], n.In[0].Shape)}
}

// Expand broadcasts x to shape.
func (g *Graph) Expand(x *Value, shape []int) *Value {
	if SameShape(x.Shape, shape) {
		return x
	}
	return g.emit(Expand{shape}, x)
}
