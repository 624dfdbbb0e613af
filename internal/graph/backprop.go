package graph

import "fmt"

// Backprop extends g with the reverse-mode derivative of Σ ⟨cotangents[i], outputs[i]⟩ and returns the
// gradient at each value of wrt, zeros where nothing depends on it. Outputs without cotangent have a nil
// entry. Nodes are added for exactly the values on a path from wrt to an output.
func (g *Graph) Backprop(outputs, cotangents, wrt []*Value) (grads []*Value, err error) {
	what := "gradient"
	defer Catch(&what, &err)
	active := g.dependents(wrt)
	cot := map[*Value]*Value{}
	add := func(v, d *Value) {
		if d == nil || !active[v] {
			return
		}
		if have := cot[v]; have != nil {
			d = g.Add(have, d)
		}
		cot[v] = d
	}
	for i, v := range outputs {
		add(v, cotangents[i])
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		dy, any := make([]*Value, len(n.Out)), false
		for j, v := range n.Out {
			dy[j] = cot[v]
			any = any || dy[j] != nil
		}
		if !any {
			continue
		}
		what = fmt.Sprintf("gradient of node %q (%s)", n.Name, n.Op)
		op, ok := n.Op.(Differentiable)
		if !ok {
			fail("this operator has no gradient")
		}
		need := make([]bool, len(n.In))
		for j, v := range n.In {
			need[j] = v != nil && active[v]
		}
		for j, d := range op.Grad(g, n, dy, need) {
			if need[j] {
				add(n.In[j], d)
			}
		}
	}
	for _, v := range wrt {
		d := cot[v]
		if d == nil {
			d = g.emit(Zeros{v.Shape})
		}
		grads = append(grads, d)
	}
	return grads, nil
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
