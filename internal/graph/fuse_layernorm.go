package graph

import "github.com/plumbline-ml/plumbline/internal/kernel"

// fuseLayerNorm matches (x - mean) / √(mean((x - mean)²) + eps).
func fuseLayerNorm(g *Graph) {
	for _, n := range g.Nodes {
		if x, eps, ok := matchNorm(n.Out[0]); ok {
			n.become(LayerNorm{Eps: float32(eps)}, x)
		}
	}
}

// matchNorm gives x and eps if v is x normalised over its last axis.
func matchNorm(v *Value) (x *Value, eps float64, ok bool) {
	centred, inside, ok := matchQuotient(v)
	if !ok {
		return nil, 0, false
	}
	variance, eps, ok := addConst(inside)
	if !ok {
		return nil, 0, false
	}
	sq, ok := isRowMean(variance)
	if !ok {
		return nil, 0, false
	}
	c, ok := isSquare(sq)
	if !ok {
		return nil, 0, false
	}
	x, mean, ok := isBinary(centred, kernel.Sub)
	x2, mean2, ok2 := isBinary(c, kernel.Sub)
	if !ok || !ok2 || x != x2 {
		return nil, 0, false
	}
	of, ok := isRowMean(mean)
	of2, ok2 := isRowMean(mean2)
	return x, eps, ok && ok2 && of == x && of2 == x
}

// matchQuotient matches a/√b in its spellings.
func matchQuotient(v *Value) (a, b *Value, ok bool) {
	if a, d, ok := isBinary(v, kernel.Div); ok {
		b, ok := isUnary(d, kernel.Sqrt)
		return a, b, ok
	}
	p, q, ok := isBinary(v, kernel.Mul)
	if !ok {
		return nil, nil, false
	}
	for _, pair := range [][2]*Value{{p, q}, {q, p}} {
		if b, ok := isUnary(pair[1], kernel.ReciprocalSqrt); ok {
			return pair[0], b, true
		}
		if r, ok := isUnary(pair[1], kernel.Reciprocal); ok {
			if b, ok := isUnary(r, kernel.Sqrt); ok {
				return pair[0], b, true
			}
		}
	}
	return nil, nil, false
}

// addConst matches x + c with a constant number c.
func addConst(v *Value) (x *Value, c float64, ok bool) {
	p, q, ok := isBinary(v, kernel.Add)
	if !ok {
		return nil, 0, false
	}
	if c, ok := scalarConst(q); ok {
		return p, c, true
	}
	c, ok = scalarConst(p)
	return q, c, ok
}

func isSquare(v *Value) (x *Value, ok bool) {
	if x, ok := isUnary(v, kernel.Square); ok {
		return x, true
	}
	p, q, ok := isBinary(v, kernel.Mul)
	return p, ok && p == q
}

// fuseAffine gives a bare LayerNorm the scale and bias that follow it.
func fuseAffine(g *Graph) {
	alone := g.private()
	for _, n := range g.Nodes {
		norm, row, ok := rowOperand(n, kernel.Mul)
		if ok && alone[norm] {
			if op, is := norm.Def.Op.(LayerNorm); is && !op.Scale && !op.Bias {
				op.Scale = true
				n.become(op, norm.Def.In[0], row)
				continue
			}
		}
		norm, row, ok = rowOperand(n, kernel.Add)
		if ok && alone[norm] {
			if op, is := norm.Def.Op.(LayerNorm); is && !op.Bias {
				op.Bias = true
				n.become(op, append(norm.Def.In[:len(norm.Def.In):len(norm.Def.In)], row)...)
			}
		}
	}
}

// rowOperand matches x fn row, where row is one constant row as long as x's last axis and x is computed.
func rowOperand(n *Node, fn kernel.Binary) (x, row *Value, ok bool) {
	if n.Op != Op(Binary{fn}) {
		return nil, nil, false
	}
	for i, v := range n.In {
		other := n.In[1-i]
		if v.Const == nil || other.Def == nil || len(other.Shape) == 0 {
			continue
		}
		if isRow(v.Shape, other.Shape[len(other.Shape)-1]) && SameShape(n.Out[0].Shape, other.Shape) {
			flat := v.Const.Reshaped(v.Const.Len())
			return other, Constant(flat), true
		}
	}
	return nil, nil, false
}

// fuseNormAdd lets LayerNormGrad add the cotangent that flows around the normalisation.
func fuseNormAdd(g *Graph) {
	alone := g.private()
	for _, n := range g.Nodes {
		if n.Op != Op(Binary{kernel.Add}) || !SameShape(n.In[0].Shape, n.In[1].Shape) {
			continue
		}
		for i, v := range n.In {
			if v.Def == nil || !alone[v] {
				continue
			}
			if op, ok := v.Def.Op.(LayerNormGrad); ok && !op.Add {
				op.Add = true
				n.become(op, append(v.Def.In[:len(v.Def.In):len(v.Def.In)], n.In[1-i])...)
				break
			}
		}
	}
}
