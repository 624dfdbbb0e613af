package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// noBinary marks a Put that overwrites.
const noBinary = kernel.Binary(255)

// Put copies its first input [N,K] and writes the rows of its third at the row numbers of its second:
// instead of what was there, or combined with it by Fn. Of equal row numbers the last counts.
type Put struct{ Fn kernel.Binary }

func (o Put) String() string {
	if o.Fn == noBinary {
		return "Put"
	}
	return "Put(" + o.Fn.String() + ")"
}

// Infer implements Op.
func (o Put) Infer(in []*Value) ([]Type, error) {
	x, pos, up := in[0], in[1], in[2]
	if len(x.Shape) != 2 || len(pos.Shape) != 1 || !SameShape(up.Shape, []int{pos.Shape[0], x.Shape[1]}) || up.DType != x.DType {
		return nil, fmt.Errorf("rows of shape %v at %v into %v", up.Shape, pos.Shape, x.Shape)
	}
	return []Type{{x.DType, x.Shape}}, nil
}

// Bind implements Op.
func (o Put) Bind(b *Binder, in, out []*Tensor) func() {
	x, pos, up, y := in[0], in[1].I, in[2], out[0]
	k := x.Shape[1]
	return func() {
		copy(y.F, x.F)
		copy(y.I, x.I)
		for r, p := range pos {
			p = min(max(p, 0), int64(x.Shape[0]-1))
			for j := range k {
				at, from := int(p)*k+j, r*k+j
				if y.DType == Float32 {
					y.F[at] = o.combine(y.F[at], up.F[from])
				} else if y.I[at] = up.I[from]; o.Fn != noBinary {
					y.I[at] = intBinary(o.Fn, x.I[at], up.I[from])
				}
			}
		}
	}
}

func (o Put) combine(x, u float32) float32 {
	switch o.Fn {
	case kernel.Mul:
		return x * u
	case kernel.Min:
		return min(x, u)
	case kernel.Max:
		return max(x, u)
	}
	return u
}

// Grad implements Differentiable.
func (o Put) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	out := make([]*Value, 3)
	if dy[0] == nil {
		return out
	}
	if o.Fn != noBinary {
		fail("%s has no gradient", o)
	}
	x, pos := n.In[0], n.In[1]
	if need[0] {
		zero := Constant(NewTensor(Float32, pos.Shape[0], x.Shape[1]))
		out[0] = g.emit(o, dy[0], pos, zero)
	}
	if need[2] {
		out[2] = g.emit(Gather{0}, dy[0], pos)
	}
	return out
}
