package encoder

import (
	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// attention is one found in the graph, fused or spelt out: what it reads and what it gives.
type attention struct {
	node  *graph.Node // whose first result is the attention's own output
	heads int

	fused   *graph.Attention // nil where it is spelt out
	q, k, v *graph.Value     // spelt out: [heads,T,d]; k may be [heads,d,T]
	swapped bool             // k is
}

// findAttention recognises a fused attention, or the product of a softmax over keys with values.
func findAttention(n *graph.Node) (a attention, ok bool) {
	switch op := n.Op.(type) {
	case graph.Attention:
		return attention{node: n, heads: op.Heads, fused: &op}, true
	case graph.MatMul:
		if op.TransA || n.In[1].Const != nil {
			return a, false
		}
		probs := behind(n.In[0], func(n *graph.Node) bool { _, ok := n.Op.(graph.Softmax); return ok })
		if probs == nil {
			return a, false
		}
		qk := behind(probs.Def.In[0], func(n *graph.Node) bool { _, ok := n.Op.(graph.MatMul); return ok })
		if qk == nil {
			return a, false
		}
		r := len(n.In[0].Shape)
		a = attention{node: n, heads: graph.Size(n.In[0].Shape[:r-2]), v: n.In[1]}
		if mm := qk.Def.Op.(graph.MatMul); !mm.TransA && !op.TransB {
			a.q, a.k, a.swapped = qk.Def.In[0], qk.Def.In[1], !mm.TransB
		}
		return a, true
	}
	return a, false
}

// maxBehind bounds the operators between the parts of an attention that is spelt out.
const maxBehind = 12

// behind follows the one computed input of element-wise operators and reshapes back to a node that is wanted.
func behind(v *graph.Value, want func(*graph.Node) bool) *graph.Value {
	for range maxBehind {
		if v.Def == nil {
			return nil
		}
		if want(v.Def) {
			return v
		}
		var next *graph.Value
		for _, in := range v.Def.In {
			if in == nil || in.Const != nil {
				continue
			}
			if _, padded := v.Def.Op.(graph.Pad); !padded && graph.Size(in.Shape) < graph.Size(v.Shape) {
				continue
			}
			if next != nil && next != in {
				return nil
			}
			next = in
		}
		if next == nil {
			return nil
		}
		v = next
	}
	return nil
}

// tapAttention adds the taps of block i's attention to the model's graph.
func (m *Model) tapAttention(i int, a attention, original map[*graph.Value]*graph.Value) {
	add := func(t Tap, v *graph.Value, err error) {
		if err == nil && v != nil && v.Const == nil {
			m.found[t] = v
		}
	}
	if op := a.fused; op != nil {
		read := func(t Tap, in *graph.Value, at graph.View, tokens, d int) {
			if x := original[unscaled(in, original)]; x != nil {
				v, err := m.base.HeadRows(x, at, op.Heads, tokens, d)
				add(t, v, err)
			}
		}
		read(Queries(i), a.node.In[0], op.Q, op.Tq, op.D)
		read(Keys(i), a.node.In[1], op.K, op.Tk, op.D)
		read(Values(i), a.node.In[2], op.V, op.Tk, op.Dv)
		read(AttentionOut(i), a.node.Out[0], op.O, op.Tq, op.Dv)
		return
	}
	spelt := func(t Tap, in *graph.Value, swapped bool) {
		if x := original[in]; x != nil {
			v, err := m.base.HeadRowsOf(x, swapped)
			add(t, v, err)
		}
	}
	spelt(Queries(i), a.q, false)
	spelt(Keys(i), a.k, a.swapped)
	spelt(Values(i), a.v, false)
	spelt(AttentionOut(i), a.node.Out[0], false)
}

// unscaled looks behind a factor that fusion put on the queries.
func unscaled(v *graph.Value, original map[*graph.Value]*graph.Value) *graph.Value {
	if original[v] != nil || v.Def == nil {
		return v
	}
	if n := v.Def; n.Op == graph.Op(graph.Binary{Fn: kernel.Mul}) && n.In[1].Const != nil {
		return n.In[0]
	}
	return v
}
