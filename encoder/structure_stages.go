package encoder

import (
	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// findStages finds the residual stages of a convolutional encoder: the last of each run of residual
// sums of one shape.
func (s *structure) findStages(g *graph.Graph, r *reach) {
	for _, sum := range r.residuals(g) {
		out := sum.node.Out[0]
		if s.stem == nil {
			s.stem = r.beforeMixing(sum.from)
		}
		if users := r.readers(out); len(users) == 1 && users[0].Op == graph.Op(graph.Unary{Fn: kernel.Relu}) {
			out = users[0].Out[0]
		}
		if k := len(s.blocks); k > 0 && graph.SameShape(s.blocks[k-1].Shape, out.Shape) {
			s.blocks[k-1] = out
		} else {
			s.blocks = append(s.blocks, out)
		}
	}
	if s.stem != nil {
		s.width = s.blocks[len(s.blocks)-1].Shape[1]
	}
}

// residual is a sum of two branches that start at one value.
type residual struct {
	node *graph.Node
	from *graph.Value
}

// residuals lists the residual sums of maps along the trunk. Sums of linear branches, which are one
// convolution trained as several (Ding et al., arXiv 2101.03697), are none, nor are sums within a branch.
func (r *reach) residuals(g *graph.Graph) (list []residual) {
	inside := map[*graph.Value]bool{}
	looked := 0
	for i := len(g.Nodes) - 1; i >= 0 && looked < maxDepth; i-- {
		n := g.Nodes[i]
		out := n.Out[0]
		if len(out.Shape) != 4 || n.Op != graph.Op(graph.Binary{Fn: kernel.Add}) || otherTerm(n, n.In[0]) == nil || inside[out] {
			continue
		}
		looked++
		from := r.fork(n)
		if from == nil {
			continue
		}
		between := r.between(from, n)
		if !curved(between) {
			continue
		}
		for v := range between {
			inside[v] = true
		}
		list = append([]residual{{n, from}}, list...)
	}
	return list
}

// fork is the latest value that both terms of a sum depend on (or are).
func (r *reach) fork(add *graph.Node) *graph.Value {
	a, b := r.ancestors(add.In[0]), r.ancestors(add.In[1])
	a[add.In[0]], b[add.In[1]] = true, true
	var best *graph.Value
	for v := range a {
		if b[v] && v.Def != nil && (best == nil || r.order[v.Def] > r.order[best.Def]) {
			best = v
		}
	}
	return best
}

// between lists what a node depends on after a value, as far back as the value.
func (r *reach) between(from *graph.Value, n *graph.Node) map[*graph.Value]bool {
	set := map[*graph.Value]bool{}
	stack := []*graph.Node{n}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, v := range n.In {
			if v != nil && v != from && v.Def != nil && !set[v] && r.order[v.Def] >= r.order[from.Def] {
				set[v] = true
				stack = append(stack, v.Def)
			}
		}
	}
	return set
}

// curved tells whether any of the values is no linear function of what it is computed from.
func curved(values map[*graph.Value]bool) bool {
	for v := range values {
		switch op := v.Def.Op.(type) {
		case graph.Unary:
			if op.Fn != kernel.Neg {
				return true
			}
		case graph.Softmax, graph.Attention, graph.LayerNorm, graph.RMSNorm:
			return true
		case graph.MatMul:
			if v.Def.In[0].Const == nil && v.Def.In[1].Const == nil {
				return true
			}
		}
	}
	return false
}

// maxMixing bounds the operators of the mixing before a first residual sum.
const maxMixing = 16

// beforeMixing looks behind what works on each channel alone and linearly, as depthwise convolutions that
// mix tokens do: they belong to the block that they begin.
func (r *reach) beforeMixing(v *graph.Value) *graph.Value {
	front := map[*graph.Value]bool{v: true}
	best, mixed := v, false
	for range maxMixing {
		var last *graph.Value
		for u := range front {
			if u.Def != nil && (last == nil || r.order[u.Def] > r.order[last.Def]) {
				last = u
			}
		}
		if last == nil || !perChannel(last.Def) {
			break
		}
		delete(front, last)
		if _, is := last.Def.Op.(graph.Conv); is {
			mixed = true
		}
		for _, in := range last.Def.In {
			if in != nil && in.Const == nil {
				front[in] = true
			}
		}
		if len(front) == 1 && mixed {
			for u := range front {
				best, mixed = u, false
			}
		}
	}
	return best
}

// perChannel tells whether a node's map is computed from maps of the same shape, channel by channel and
// linearly.
func perChannel(n *graph.Node) bool {
	for _, in := range n.In {
		if in != nil && in.Const == nil && !graph.SameShape(in.Shape, n.Out[0].Shape) {
			return false
		}
	}
	switch op := n.Op.(type) {
	case graph.Conv:
		return op.Shape.Groups > 1 && op.Shape.Groups == n.Out[0].Shape[1]
	case graph.Binary:
		switch op.Fn {
		case kernel.Add, kernel.Sub:
			return true
		case kernel.Mul:
			return n.In[0].Const != nil || n.In[1].Const != nil
		}
	}
	return false
}
