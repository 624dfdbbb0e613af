package graph

import "github.com/plumbline-ml/plumbline/internal/kernel"

// fuseScale moves factors of whole heads from attention scores to the queries that the scores are products
// of, as cosine attention with a learned temperature for each head needs it to be one operator.
func fuseScale(g *Graph) {
	alone := g.private()
	old := g.Nodes
	g.Nodes = make([]*Node, 0, len(old))
	for _, n := range old {
		if mul, factor, ok := headFactor(n); ok && alone[mul.Out[0]] {
			q := g.Mul(mul.In[0], factor)
			n.become(Reshape{n.Out[0].Shape}, g.emit(mul.Op, q, mul.In[1]))
		}
		g.Nodes = append(g.Nodes, n)
	}
}

// headFactor matches product·factor with one constant number for each matrix of the product, and gives the
// factor as [heads,1,1].
func headFactor(n *Node) (product *Node, factor *Value, ok bool) {
	a, b, ok := isBinary(n.Out[0], kernel.Mul)
	if !ok {
		return nil, nil, false
	}
	if a.Const != nil {
		a, b = b, a
	}
	if inner, ok := reshaped(a); ok {
		a = inner
	}
	p, ok := asMatMul(a)
	if !ok {
		return nil, nil, false
	}
	_, _, probabilities := softmaxInput(p.a)
	r := len(b.Shape)
	if probabilities || p.op.TransA || b.Const == nil || r < 3 || b.Shape[r-1] != 1 || b.Shape[r-2] != 1 {
		return nil, nil, false
	}
	heads := Size(a.Shape[:len(a.Shape)-2])
	if heads < 2 || Size(b.Shape) != heads || Size(p.a.Shape[:len(p.a.Shape)-2]) != heads {
		return nil, nil, false
	}
	return a.Def, Constant(b.Const.Reshaped(heads, 1, 1)), true
}
