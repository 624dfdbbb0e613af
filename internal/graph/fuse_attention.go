package graph

import (
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// fuseAttention matches softmax(q·kᵀ·scale + mask)·v and reads q, k and v where their projections lie.
func fuseAttention(g *Graph) {
	alone, users := g.private(), g.Users()
	for _, n := range g.Nodes {
		p, ok := matchAttention(n)
		if !ok {
			continue
		}
		at, o := outputPlace(n, alone, users, p)
		p.op.O, p.op.To = o, at.Out[0].Shape
		at.become(p.op, p.in...)
	}
}

// attentionMatch is a recognised attention: the operator and its inputs.
type attentionMatch struct {
	op Attention
	in []*Value
}

func matchAttention(n *Node) (m attentionMatch, ok bool) {
	mul, ok := n.Op.(MatMul)
	if !ok || mul.TransA || mul.Alpha != 1 {
		return m, false
	}
	scores, guarded, ok := softmaxInput(n.In[0])
	if !ok {
		return m, false
	}
	scale := 1.0
	var mask *Value
	for {
		if x, c, ok := timesConst(scores); ok {
			scores, scale = x, scale*c
			continue
		}
		if x, y, ok := addedMask(scores); ok && mask == nil && scale == 1 {
			scores, mask = x, y
			continue
		}
		if inner, ok := reshaped(scores); ok {
			scores = inner
			continue
		}
		break
	}
	qk, ok := asMatMul(scores)
	if !ok || qk.op.TransA {
		return m, false
	}
	scale *= float64(qk.op.Alpha)
	q, okQ := heads(qk.a, false)
	k, okK := heads(qk.b, !qk.op.TransB)
	v, okV := heads(n.In[1], mul.TransB)
	if !okQ || !okK || !okV || q.h != k.h || q.h != v.h || q.d != k.d || k.t != v.t {
		return m, false
	}
	m.op = Attention{Heads: q.h, Tq: q.t, Tk: k.t, D: q.d, Dv: v.d, Scale: float32(scale * q.scale * k.scale), Q: q.View, K: k.View, V: v.View}
	if v.scale != 1 {
		return m, false
	}
	m.in = []*Value{q.base, k.base, v.base}
	if guarded && hidesRows(mask) {
		return m, false
	}
	return m.withMask(mask)
}

// addedMask matches scores + constant in either order.
func addedMask(v *Value) (scores, mask *Value, ok bool) {
	x, y, ok := isBinary(v, kernel.Add)
	if ok && x.Const != nil {
		x, y = y, x
	}
	return x, y, ok && y.Const != nil && SameShape(x.Shape, v.Shape)
}

// hidesRows tells whether a mask of scores may leave a query without keys.
func hidesRows(mask *Value) bool {
	if mask == nil || len(mask.Shape) == 0 {
		return false
	}
	keys := mask.Shape[len(mask.Shape)-1]
	for row := range slices.Chunk(mask.Const.F, max(keys, 1)) {
		if !slices.ContainsFunc(row, func(f float32) bool { return !math.IsInf(float64(f), -1) }) {
			return true
		}
	}
	return false
}

// withMask adds a constant mask, spread to one matrix for all heads or one for each.
func (m attentionMatch) withMask(mask *Value) (attentionMatch, bool) {
	if mask == nil {
		return m, true
	}
	t := mask.Const
	shape := t.Shape
	for len(shape) > 0 && shape[0] == 1 {
		shape = shape[1:]
	}
	to := []int{m.op.Tq, m.op.Tk}
	if len(shape) == 3 {
		to = []int{m.op.Heads, m.op.Tq, m.op.Tk}
		m.op.MaskPerHead = true
	}
	if full, err := BroadcastShape(shape, to); err != nil || !SameShape(full, to) {
		return m, false
	}
	lab := New(Size(to) + 1)
	m.op.Mask = true
	m.in = append(m.in, lab.Expand(Constant(t.Reshaped(shape...)), to))
	return m, true
}

// softmaxInput looks through reshapes for a softmax over the last axis; guarded tells that rows of no number, those
// that a mask hides whole, are made zeros after it.
func softmaxInput(v *Value) (x *Value, guarded, ok bool) {
	for {
		if inner, ok := reshaped(v); ok {
			v = inner
		} else if inner, ok := unguarded(v); ok {
			v, guarded = inner, true
		} else {
			break
		}
	}
	if v.Def == nil {
		return nil, false, false
	}
	op, ok := v.Def.Op.(Softmax)
	if !ok || op.Log {
		return nil, false, false
	}
	return v.Def.In[0], guarded, true
}

// unguarded matches x with zeros in place of what is no number.
func unguarded(v *Value) (x *Value, ok bool) {
	if v.Def == nil || v.Def.Op != Op(Where{}) {
		return nil, false
	}
	bad, x := v.Def.In[0], v.Def.In[2]
	if c, is := scalarConst(v.Def.In[1]); !is || c != 0 || bad.Def == nil {
		return nil, false
	}
	if bad.Def.Op == Op(Cast{Bool}) {
		bad = bad.Def.In[0]
	}
	of, ok := isUnary(bad, kernel.IsNaN)
	return x, ok && of == x
}

// reshaped looks through a reshape that keeps the last two axes, as those that merge batch and heads do.
func reshaped(v *Value) (*Value, bool) {
	if v.Def == nil || len(v.Shape) < 2 {
		return nil, false
	}
	if _, ok := v.Def.Op.(Reshape); !ok {
		return nil, false
	}
	x := v.Def.In[0]
	return x, len(x.Shape) >= 2 && SameShape(x.Shape[len(x.Shape)-2:], v.Shape[len(v.Shape)-2:])
}

// timesConst matches x·c and x/c.
func timesConst(v *Value) (x *Value, c float64, ok bool) {
	if a, b, ok := isBinary(v, kernel.Mul); ok {
		if c, ok := scalarConst(b); ok {
			return a, c, true
		}
		c, ok := scalarConst(a)
		return b, c, ok
	}
	if a, b, ok := isBinary(v, kernel.Div); ok {
		c, ok := scalarConst(b)
		return a, 1 / c, ok
	}
	return nil, 0, false
}

type product struct {
	op   MatMul
	a, b *Value
}

func asMatMul(v *Value) (p product, ok bool) {
	if v.Def == nil {
		return p, false
	}
	op, ok := v.Def.Op.(MatMul)
	if !ok {
		return p, false
	}
	return product{op, v.Def.In[0], v.Def.In[1]}, true
}

// headView is a [heads, tokens, features] view of a value.
type headView struct {
	View
	base    *Value
	h, t, d int
	scale   float64
}

// heads sees v, [..., tokens, features] or with swapped the last two exchanged, as heads whose features
// lie next to each other.
func heads(v *Value, swapped bool) (headView, bool) {
	if h, ok := headsIn(viewOf(v), swapped); ok {
		return h, true
	}
	return headsIn(dense(v), swapped)
}

func headsIn(s strided, swapped bool) (h headView, ok bool) {
	r := len(s.shape)
	if r < 2 {
		return h, false
	}
	t, d := r-2, r-1
	if swapped {
		t, d = d, t
	}
	if s.strides[d] != 1 && s.shape[d] != 1 {
		return h, false
	}
	h = headView{View{s.off, 0, s.strides[t]}, s.base, 1, s.shape[t], s.shape[d], s.scale}
	for i := r - 3; i >= 0; i-- {
		switch {
		case s.shape[i] == 1:
		case h.h == 1:
			h.h, h.Head = s.shape[i], s.strides[i]
		case s.strides[i] == h.h*h.Head:
			h.h *= s.shape[i]
		default:
			return h, false
		}
	}
	return h, true
}

// outputPlace decides which node's result the attention writes: a transposition that follows it, if it is
// the only reader, else the product itself.
func outputPlace(n *Node, alone map[*Value]bool, users map[*Value][]*Node, m attentionMatch) (*Node, View) {
	own := View{0, m.op.Tq * m.op.Dv, m.op.Dv}
	v := n.Out[0]
	for alone[v] {
		next := users[v][0]
		if _, ok := next.Op.(Reshape); ok {
			v = next.Out[0]
			continue
		}
		if _, ok := next.Op.(Transpose); !ok {
			break
		}
		if o, ok := placeIn(next.Out[0], n.Out[0], m.op); ok {
			return next, o
		}
		break
	}
	return n, own
}

// placeIn finds the view through which x, a transposition of the attention's result, is written.
func placeIn(x, result *Value, op Attention) (o View, ok bool) {
	s := viewOf(x)
	if s.base != result || s.off != 0 || s.scale != 1 {
		return o, false
	}
	own := Strides(x.Shape)
	for i, n := range x.Shape {
		if n == 1 {
			continue
		}
		switch st := s.strides[i]; {
		case st == 1:
			if own[i] != 1 {
				return o, false
			}
		case st == op.Dv && op.Tq > 1:
			o.Row = own[i]
		case st == op.Dv*op.Tq:
			o.Head = own[i]
		default:
			return o, false
		}
	}
	return o, op.Heads*op.Tq > 1 && (o.Head != 0 || op.Heads == 1) && (o.Row != 0 || op.Tq == 1)
}
