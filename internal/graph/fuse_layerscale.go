package graph

import "github.com/plumbline-ml/plumbline/internal/kernel"

// FoldScales multiplies constant factors of each feature, as LayerScale is (Touvron et al., arXiv 2103.17239, section
// 2.1), into the layer before them where nothing else reads its result: into the rows of a normalisation, or into a
// linear layer as γ·(x·W + b) = x·(W·γ) + γ·b. The layer's weights in the graph stay as they are; those that are
// packed are multiplied. A graph whose weights are trained is not to be folded.
func (g *Graph) FoldScales() (err error) {
	what := "fusion"
	defer Catch(&what, &err)
	alone := g.private()
	for _, n := range g.Nodes {
		x, row, ok := rowOperand(n, kernel.Mul)
		if !ok || !alone[x] {
			continue
		}
		switch op := x.Def.Op.(type) {
		case LayerNorm:
			if op.Scale {
				n.become(op, append([]*Value{x.Def.In[0]}, g.times(row, x.Def.In[1:])...)...)
			}
		case Linear:
			if op.Scale == unscaled && !op.Residual && op.Act == kernel.NoUnary {
				op.Scale = scaledByColumn
				in := append([]*Value{x.Def.In[0], x.Def.In[1]}, g.times(row, x.Def.In[2:])...)
				n.become(op, append(in, row)...)
			}
		}
	}
	g.Prune()
	return nil
}

// times multiplies constant rows by a row.
func (g *Graph) times(row *Value, list []*Value) (out []*Value) {
	for _, v := range list {
		out = append(out, g.Mul(v, row))
	}
	return out
}
