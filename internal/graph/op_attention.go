package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// View places attention heads inside a flat array: element (head h, token t, feature i) is at
// Off + h·Head + t·Row + i.
type View struct{ Off, Head, Row int }

func (v View) of(data []float32) kernel.AttnView {
	return kernel.AttnView{Data: data[v.Off:], Head: v.Head, Row: v.Row}
}

// Attention is softmax(Scale·Q·Kᵀ + mask)·V for all heads (Vaswani et al., arXiv 1706.03762, section
// 3.2.1). Q, K and V are views of the inputs q, k, v, so no transposition is needed; the inputs may be the
// same value. A mask input [Tq,Tk] or [Heads,Tq,Tk] follows if Mask. Results: the output of shape To,
// written through the view O, and for the backward pass the log-sum-exp of each row and, where sequences are short
// enough for that to be faster, the probabilities.
type Attention struct {
	Heads, Tq, Tk, D, Dv int
	Scale                float32
	Q, K, V, O           View
	Mask, MaskPerHead    bool
	To                   []int
}

func (o Attention) String() string {
	return fmt.Sprintf("Attention(heads=%d tokens=%d×%d d=%d)", o.Heads, o.Tq, o.Tk, o.D)
}

func (o Attention) Infer(in []*Value) ([]Type, error) {
	types := []Type{{Float32, o.To}, {Float32, []int{o.Heads * o.Tq}}}
	if n := o.kept(); n > 0 {
		types = append(types, Type{Float32, []int{n}})
	}
	return types, nil
}

// kept is the number of probabilities kept for the backward pass, filled up in rows; 0 for none.
func (o Attention) kept() int { return kernel.AttentionKept(o.shape(nil)) }

func (o Attention) shape(mask []float32) *kernel.AttnShape {
	s := &kernel.AttnShape{Heads: o.Heads, Tq: o.Tq, Tk: o.Tk, D: o.D, Dv: o.Dv, Scale: o.Scale, Mask: mask, KVGroup: 1}
	if o.MaskPerHead {
		s.MaskHead = o.Tq * o.Tk
	}
	return s
}

func (o Attention) Bind(b *Binder, in, out []*Tensor) func() {
	var mask []float32
	if o.Mask {
		mask = in[3].F
	}
	s := o.shape(mask)
	lse := floats(out[1])
	if lse == nil {
		lse = make([]float32, o.Heads*o.Tq)
	}
	var kept []float32
	if len(out) > 2 {
		kept = floats(out[2])
	}
	y, q, k, v := o.O.of(out[0].F), o.Q.of(in[0].F), o.K.of(in[1].F), o.V.of(in[2].F)
	scratch := b.Scratch(kernel.AttentionScratch(s))
	body := func(w, lo, hi int) { kernel.Attention(y, q, k, v, lse, kept, s, lo, hi, scratch(w)) }
	return func() { b.Workers.Run(o.Heads, 1, body) }
}

func (o Attention) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	out := make([]*Value, len(n.In))
	if dy[0] == nil {
		return out
	}
	op := AttentionGrad{Attention: o, Slots: o.slots(n.In)}
	in := append([]*Value{dy[0], n.Out[0], n.Out[1]}, n.In...)
	in = append(in, n.Out[2:]...)
	for i := range 3 {
		op.Shapes[i] = n.In[i].Shape
	}
	grads := g.Emit(op, in...)
	for i, s := range op.Slots {
		if s == i { // values that share a slot get their sum once
			out[i] = grads[i]
		}
	}
	return out
}

// slots decides where the cotangents of q, k and v are written: views of one value that do not overlap
// share one result.
func (o Attention) slots(in []*Value) [3]int {
	s := [3]int{0, 1, 2}
	views := [3]View{o.Q, o.K, o.V}
	for i := 1; i < 3; i++ {
		for j := range i {
			if in[i] == in[j] && s[j] == j && disjoint(views, s, i, j) {
				s[i] = j
				break
			}
		}
	}
	return s
}

// disjoint tells whether view i overlaps none of those already written to slot j: the heads' features
// of packed projections lie side by side in every row.
func disjoint(v [3]View, s [3]int, i, j int) bool {
	for k := range i {
		if s[k] != j {
			continue
		}
		if v[k].Row != v[i].Row || v[k].Head != v[i].Head || v[k].Off == v[i].Off {
			return false
		}
	}
	return true
}

// AttentionGrad gives the cotangents of Attention's three inputs from inputs dy, y, lse, q, k, v (then the mask and
// the kept probabilities, if any); result i is used only where Slots[i] == i.
type AttentionGrad struct {
	Attention
	Slots  [3]int
	Shapes [3][]int
}

func (o AttentionGrad) String() string { return "AttentionGrad" }

func (o AttentionGrad) Infer(in []*Value) ([]Type, error) {
	return []Type{{Float32, o.Shapes[0]}, {Float32, o.Shapes[1]}, {Float32, o.Shapes[2]}}, nil
}

func (o AttentionGrad) Bind(b *Binder, in, out []*Tensor) func() {
	var mask []float32
	if o.Mask {
		mask = in[6].F
	}
	s := o.shape(mask)
	var dst [3][]float32
	for i, slot := range o.Slots {
		if slot != i {
			dst[i] = dst[slot]
		} else if dst[i] = floats(out[i]); dst[i] == nil {
			dst[i] = make([]float32, Size(o.Shapes[i]))
		}
	}
	zero := o.uncovered(dst)
	dq, dk, dv := o.Q.of(dst[0]), o.K.of(dst[1]), o.V.of(dst[2])
	dy, y, lse := o.O.of(in[0].F), o.O.of(in[1].F), in[2].F
	q, k, v := o.Q.of(in[3].F), o.K.of(in[4].F), o.V.of(in[5].F)
	var kept []float32
	if o.kept() > 0 {
		kept = in[len(in)-1].F
	}
	scratch := b.Scratch(kernel.AttentionGradScratch(s))
	body := func(w, lo, hi int) {
		kernel.AttentionGrad(dq, dk, dv, dy, q, k, v, y, lse, kept, s, lo, hi, scratch(w))
	}
	return func() {
		for _, d := range zero {
			clear(d)
		}
		b.Workers.Run(o.Heads, 1, body)
	}
}

// uncovered lists the destinations that the views do not fill.
func (o AttentionGrad) uncovered(dst [3][]float32) (zero [][]float32) {
	filled := [3]int{}
	sizes := [3]int{o.Heads * o.Tq * o.D, o.Heads * o.Tk * o.D, o.Heads * o.Tk * o.Dv}
	for i, slot := range o.Slots {
		filled[slot] += sizes[i]
	}
	for i, slot := range o.Slots {
		if slot == i && filled[i] < len(dst[i]) {
			zero = append(zero, dst[i])
		}
	}
	return zero
}
