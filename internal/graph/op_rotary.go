package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Rotary turns pairs of features by angles that depend on the position (Su et al., arXiv 2104.09864):
// y = x∘C + x'∘S, where x' has the partners of each pair exchanged and signs are in S. Partners are
// neighbours, or, if Half, entry i of either half of a row. Inputs: x, then C and S of Rows rows each; row r
// of x takes theirs of number r/Inner modulo Rows.
type Rotary struct {
	Half        bool
	Rows, Inner int
}

func (o Rotary) String() string {
	if o.Half {
		return "Rotary(halves)"
	}
	return "Rotary(neighbours)"
}

// Infer implements Op.
func (o Rotary) Infer(in []*Value) ([]Type, error) {
	x := in[0].Shape
	d := 0
	if len(x) > 0 {
		d = x[len(x)-1]
	}
	if d == 0 || d%2 != 0 || o.Rows < 1 || o.Inner < 1 || Size(x)%(d*o.Rows*o.Inner) != 0 {
		return nil, fmt.Errorf("shape %v has no pairs to turn by %d×%d rows", x, o.Rows, o.Inner)
	}
	for _, v := range in[1:] {
		if Size(v.Shape) != o.Rows*d {
			return nil, fmt.Errorf("factors of shape %v for %d rows of %d", v.Shape, o.Rows, d)
		}
	}
	return []Type{{Float32, x}}, nil
}

// Bind implements Op.
func (o Rotary) Bind(b *Binder, in, out []*Tensor) func() {
	x, c, s, y := in[0].F, in[1].F, in[2].F, out[0].F
	r := rowsOf(in[0].Shape)
	d := r[1]
	body := func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			at := i / o.Inner % o.Rows * d
			kernel.Rotate(y[i*d:(i+1)*d], x[i*d:(i+1)*d], c[at:at+d], s[at:at+d], o.Half)
		}
	}
	return func() { b.Workers.Run(r[0], 1+elementGrain/d, body) }
}

// Grad implements Differentiable: the transpose has the factors S of each pair exchanged. C and S themselves
// are constants.
func (o Rotary) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	out := make([]*Value, 3)
	if dy[0] == nil || !need[0] {
		return out
	}
	d := n.In[0].Shape[len(n.In[0].Shape)-1]
	zero := Constant(NewTensor(Float32, o.Rows*d))
	one := NewTensor(Float32, o.Rows*d)
	fillWith(one.F, 1)
	swapped := g.emit(Rotary{o.Half, o.Rows, 1}, g.Reshape(n.In[2], []int{o.Rows, d}), zero, Constant(one))
	out[0] = g.emit(o, dy[0], n.In[1], swapped)
	return out
}
