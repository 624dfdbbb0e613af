package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Transpose permutes axes: result axis i is input axis Perm[i].
type Transpose struct{ Perm []int }

func (o Transpose) String() string { return fmt.Sprintf("Transpose%v", o.Perm) }

func (o Transpose) Infer(in []*Value) ([]Type, error) {
	if len(o.Perm) != len(in[0].Shape) {
		return nil, fmt.Errorf("permutation %v does not fit shape %v", o.Perm, in[0].Shape)
	}
	shape, seen := make([]int, len(o.Perm)), make([]bool, len(o.Perm))
	for i, p := range o.Perm {
		if p < 0 || p >= len(o.Perm) || seen[p] {
			return nil, fmt.Errorf("%v is not a permutation", o.Perm)
		}
		seen[p] = true
		shape[i] = in[0].Shape[p]
	}
	return []Type{{in[0].DType, shape}}, nil
}

func (o Transpose) Bind(b *Binder, in, out []*Tensor) func() {
	x, y := in[0], out[0]
	t := kernel.NewTranspose(x.Shape, o.Perm)
	if x.DType != Float32 {
		return func() { kernel.ApplyTranspose(t, y.I, x.I) }
	}
	return func() { kernel.ApplyTranspose(t, y.F, x.F) }
}

func (o Transpose) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	if dy[0] == nil {
		return []*Value{nil}
	}
	inv := make([]int, len(o.Perm))
	for i, p := range o.Perm {
		inv[p] = i
	}
	return []*Value{g.Transpose(dy[0], inv)}
}

// Transpose permutes x's axes. Where the elements end up in the order of an earlier value, as after two
// transpositions that undo each other, it is a reshape of that value.
func (g *Graph) Transpose(x *Value, perm []int) *Value {
	op := Transpose{perm}
	types, err := op.Infer([]*Value{x})
	check(err)
	if isIdentity(perm) {
		return x
	}
	in := viewOf(x)
	out := strided{in.base, in.off, types[0].Shape, make([]int, len(perm)), in.scale}
	for i, p := range perm {
		out.strides[i] = in.strides[p]
	}
	if out.whole() {
		return g.Reshape(in.base, out.shape)
	}
	if x.Def != nil {
		if first, ok := x.Def.Op.(Transpose); ok {
			both := make([]int, len(perm))
			for i, p := range perm {
				both[i] = first.Perm[p]
			}
			return g.Transpose(x.Def.In[0], both)
		}
	}
	return g.emit(op, x)
}

func isIdentity(perm []int) bool {
	for i, p := range perm {
		if i != p {
			return false
		}
	}
	return true
}
