package graph

import "github.com/plumbline-ml/plumbline/internal/kernel"

// fuseSoftmax matches exp(x - max)/Σexp(x - max) over the last axis, with or without the shift.
func fuseSoftmax(g *Graph) {
	for _, n := range g.Nodes {
		if x, ok := matchSoftmax(n.Out[0]); ok {
			n.become(Softmax{}, x)
		}
	}
}

func matchSoftmax(v *Value) (x *Value, ok bool) {
	e, sum, ok := isBinary(v, kernel.Div)
	if !ok {
		if e, sum, ok = matchTimesReciprocal(v); !ok {
			return nil, false
		}
	}
	of, ok := isRowReduction(sum, kernel.Sum)
	if !ok || of != e {
		return nil, false
	}
	shifted, ok := isUnary(e, kernel.Exp)
	if !ok {
		return nil, false
	}
	if x, top, ok := isBinary(shifted, kernel.Sub); ok {
		if of, ok := isRowReduction(top, kernel.ReduceMax); ok && of == x {
			return x, true
		}
	}
	return shifted, true
}

// matchTimesReciprocal matches a·(1/b).
func matchTimesReciprocal(v *Value) (a, b *Value, ok bool) {
	p, q, ok := isBinary(v, kernel.Mul)
	if !ok {
		return nil, nil, false
	}
	if b, ok := isUnary(q, kernel.Reciprocal); ok {
		return p, b, true
	}
	b, ok = isUnary(p, kernel.Reciprocal)
	return q, b, ok
}

// isRowReduction matches a reduction of the last axis, kept.
func isRowReduction(v *Value, kind kernel.Reduce) (x *Value, ok bool) {
	if v.Def == nil {
		return nil, false
	}
	op, ok := v.Def.Op.(Reduction)
	if !ok || op.Kind != kind || len(op.Axes) != 1 || !op.Keep {
		return nil, false
	}
	x = v.Def.In[0]
	return x, op.Axes[0] == len(x.Shape)-1
}
