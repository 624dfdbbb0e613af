package graph

import (
	"fmt"
	"slices"
)

// Backprop extends g with the reverse-mode derivative of Σ ⟨cotangents[i], outputs[i]⟩ and returns the
// gradient at each value of wrt, zeros where nothing depends on it. Outputs without cotangent have a nil
// entry. Nodes are added for exactly the values on a path from wrt to an output.
//
// Where checkpoints are given, the backward pass reads no other forward value: what lies between two
// checkpoints is computed again when it is needed, for one more forward pass in time and far less memory
// (Chen et al., arXiv 1604.06174).
func (g *Graph) Backprop(outputs, cotangents, wrt, checkpoints []*Value) (grads []*Value, err error) {
	what := "gradient"
	defer Catch(&what, &err)
	b := &backprop{g: g, active: g.dependents(wrt), cot: map[*Value]*Value{}, nodes: slices.Clone(g.Nodes)}
	b.segment(outputs, checkpoints)
	for i, v := range outputs {
		b.add(v, cotangents[i])
	}
	for i := len(b.nodes) - 1; i >= 0; i-- {
		what = fmt.Sprintf("gradient of node %q (%s)", b.nodes[i].Name, b.nodes[i].Op)
		b.node(i)
	}
	for _, v := range wrt {
		d := b.cot[v]
		if d == nil {
			d = g.emit(Zeros{v.Shape})
		}
		grads = append(grads, d)
	}
	return grads, nil
}

// backprop is one reverse pass over the nodes of a graph.
type backprop struct {
	g      *Graph
	nodes  []*Node // forward
	active map[*Value]bool
	cot    map[*Value]*Value

	seg   []int // by node: how many checkpoints come before it; nil without recomputation
	last  int   // the segment that has just been computed when the backward pass starts
	redo  map[*Value]*Value
	again map[*Node]*Node
	keep  map[*Value]bool
}

// add accumulates a cotangent.
func (b *backprop) add(v, d *Value) {
	if d == nil || !b.active[v] {
		return
	}
	if have := b.cot[v]; have != nil {
		d = b.g.Add(have, d)
	}
	b.cot[v] = d
}

// node adds the derivative of one node, if any of its results has a cotangent.
func (b *backprop) node(i int) {
	n := b.nodes[i]
	dy, any := make([]*Value, len(n.Out)), false
	for j, v := range n.Out {
		dy[j] = b.cot[v]
		any = any || dy[j] != nil
	}
	if !any {
		return
	}
	op, ok := n.Op.(Differentiable)
	if !ok {
		fail("this operator has no gradient")
	}
	need := make([]bool, len(n.In))
	for j, v := range n.In {
		need[j] = v != nil && b.active[v]
	}
	for j, d := range op.Grad(b.g, b.recomputed(i), dy, need) {
		if need[j] {
			b.add(n.In[j], d)
		}
	}
}

// segment divides the nodes at the checkpoints.
func (b *backprop) segment(outputs, checkpoints []*Value) {
	if len(checkpoints) == 0 {
		return
	}
	b.keep, b.redo, b.again = map[*Value]bool{}, map[*Value]*Value{}, map[*Node]*Node{}
	for _, v := range slices.Concat(outputs, checkpoints) {
		b.keep[v] = true
	}
	b.seg = make([]int, len(b.nodes))
	for i, n := range b.nodes {
		b.seg[i] = b.last
		if slices.ContainsFunc(n.Out, func(v *Value) bool { return slices.Contains(checkpoints, v) }) {
			b.last++
		}
	}
	if len(b.seg) > 0 {
		b.last = b.seg[len(b.seg)-1]
	}
}

// recomputed is node i over values that the backward pass may read.
func (b *backprop) recomputed(i int) *Node {
	n := b.nodes[i]
	if b.seg == nil || b.seg[i] == b.last {
		return n
	}
	if b.again[n] == nil {
		b.repeat(b.seg[i])
	}
	return b.again[n]
}

// repeat computes a segment once more.
func (b *backprop) repeat(segment int) {
	for i, n := range b.nodes {
		if b.seg[i] != segment {
			continue
		}
		in := slices.Clone(n.In)
		for j, v := range in {
			if w := b.redo[v]; w != nil {
				in[j] = w
			}
		}
		out := slices.Clone(b.g.Emit(n.Op, in...))
		for j, v := range n.Out {
			if b.keep[v] {
				out[j] = v
			} else {
				b.redo[v] = out[j]
			}
		}
		b.again[n] = &Node{Op: n.Op, Name: n.Name, In: in, Out: out}
	}
}

// dependents is the set of values that depend on any of from.
func (g *Graph) dependents(from []*Value) map[*Value]bool {
	set := map[*Value]bool{}
	for _, v := range from {
		set[v] = true
	}
	for _, n := range g.Nodes {
		for _, v := range n.In {
			if v != nil && set[v] {
				for _, w := range n.Out {
					set[w] = true
				}
				break
			}
		}
	}
	return set
}

// Zeros is an array of zeros.
type Zeros struct{ Shape []int }

func (o Zeros) String() string                    { return "Zeros" }
func (o Zeros) Infer(in []*Value) ([]Type, error) { return []Type{{Float32, o.Shape}}, nil }
func (o Zeros) source()                           {}

func (o Zeros) Bind(b *Binder, in, out []*Tensor) func() { return func() { clear(out[0].F) } }
