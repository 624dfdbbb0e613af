package graph

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// fuseLayerNorm matches (x - mean) / √(mean((x - mean)²) + eps), x / √(mean(x²) + eps), and x / max(‖x‖, eps).
func fuseLayerNorm(g *Graph) {
	for _, n := range g.Nodes {
		if x, eps, ok := matchUnit(n.Out[0]); ok {
			d := x.Shape[len(x.Shape)-1]
			row := NewTensor(Float32, d)
			fillWith(row.F, float32(1/math.Sqrt(float64(d))))
			n.become(RMSNorm{float32(eps * eps / float64(d)), true}, x, Constant(row))
			continue
		}
		if op, is := n.Op.(RMSNorm); is { // of what is centred
			c := n.In[0].Unreshaped()
			if x, ok := matchCentred(c, c); ok && SameShape(c.Shape, n.In[0].Shape) {
				n.become(LayerNorm{Eps: op.Eps, Scale: op.Scale}, append([]*Value{x}, n.In[1:]...)...)
			}
			continue
		}
		if x, scale, bias, eps, ok := matchFactored(n); ok {
			n.become(LayerNorm{Eps: float32(eps), Scale: true, Bias: true}, x, scale, bias)
			continue
		}
		over, c, eps, ok := matchNorm(n.Out[0])
		if !ok {
			continue
		}
		if x, ok := matchCentred(over, c); ok {
			n.become(LayerNorm{Eps: float32(eps)}, x)
		} else if over == c {
			n.become(RMSNorm{Eps: float32(eps)}, c)
		}
	}
}

// matchUnit gives x if v is x divided by its length along the last axis, or by eps where that is more: a tiny
// number that is as good added under the root.
func matchUnit(v *Value) (x *Value, eps float64, ok bool) {
	x, length, ok := isBinary(v, kernel.Div)
	if !ok {
		return nil, 0, false
	}
	if length.Def != nil {
		if _, is := length.Def.Op.(Expand); is {
			length = length.Def.In[0]
		}
	}
	if inner, bound, is := isBinary(length, kernel.Max); is {
		if eps, ok = scalarConst(bound); !ok || eps < 1e-16 || eps > 1e-6 { // squares are to be numbers of float32
			return nil, 0, false
		}
		length = inner
	}
	of, ok := isRowReduction(length, kernel.L2)
	return x, eps, ok && of == x && SameShape(v.Shape, x.Shape)
}

// matchNorm gives the parts of over/√(mean(c²) + eps), with the mean over the last axis.
func matchNorm(v *Value) (over, c *Value, eps float64, ok bool) {
	over, inside, ok := matchQuotient(v)
	if !ok {
		return nil, nil, 0, false
	}
	variance, eps, ok := addConst(inside)
	if !ok {
		return nil, nil, 0, false
	}
	sq, ok := isRowMean(variance)
	if !ok {
		return nil, nil, 0, false
	}
	c, ok = isSquare(sq)
	return over, c, eps, ok
}

// matchCentred gives x if both values are x less its mean over the last axis.
func matchCentred(centred, c *Value) (x *Value, ok bool) {
	x, mean, ok := isBinary(centred, kernel.Sub)
	x2, mean2, ok2 := isBinary(c, kernel.Sub)
	if !ok || !ok2 || x != x2 {
		return nil, false
	}
	of, ok := isRowMean(mean)
	of2, ok2 := isRowMean(mean2)
	return x, ok && ok2 && of == x && of2 == x
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
		if b, ok := isRsqrt(pair[1]); ok {
			return pair[0], b, true
		}
	}
	return nil, nil, false
}

// isRsqrt matches 1/√x in its spellings.
func isRsqrt(v *Value) (x *Value, ok bool) {
	if x, ok := isUnary(v, kernel.ReciprocalSqrt); ok {
		return x, true
	}
	root, ok := isUnary(v, kernel.Reciprocal)
	if !ok {
		one, r, div := isBinary(v, kernel.Div)
		if c, is := scalarConst(one); !div || !is || c != 1 {
			return nil, false
		}
		root = r
	}
	return isUnary(root, kernel.Sqrt)
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

// fuseAffine gives a bare normalisation the scale and bias that follow it.
func fuseAffine(g *Graph) {
	alone := g.private()
	for _, n := range g.Nodes {
		norm, row, ok := rowOperand(n, kernel.Mul)
		if ok && alone[norm] {
			if op, is := scaled(norm.Def.Op); is {
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

// scaled is a bare normalisation with a scale.
func scaled(op Op) (Op, bool) {
	switch op := op.(type) {
	case LayerNorm:
		ok := !op.Scale && !op.Bias
		op.Scale = true
		return op, ok
	case RMSNorm:
		ok := !op.Scale
		op.Scale = true
		return op, ok
	}
	return nil, false
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

// fuseNormAdd lets LayerNormGrad and RMSNormGrad add the cotangent that flows around the normalisation.
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
			if op, ok := withAdd(v.Def.Op); ok {
				n.become(op, append(v.Def.In[:len(v.Def.In):len(v.Def.In)], n.In[1-i])...)
				break
			}
		}
	}
}

// withAdd is the backward operator of a normalisation that also adds a cotangent.
func withAdd(op Op) (Op, bool) {
	switch op := op.(type) {
	case LayerNormGrad:
		ok := !op.Add
		op.Add = true
		return op, ok
	case RMSNormGrad:
		ok := !op.Add
		op.Add = true
		return op, ok
	}
	return nil, false
}
