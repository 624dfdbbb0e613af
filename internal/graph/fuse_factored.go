package graph

import "github.com/plumbline-ml/plumbline/internal/kernel"

// matchFactored matches layer normalisation as TensorFlow's batch normalisation spells it, one factor and one offset:
// x·f + (β - mean·f) with f = γ/√(mean((x - mean)²) + eps).
func matchFactored(n *Node) (x, scale, bias *Value, eps float64, ok bool) {
	if n.Op != Op(Binary{kernel.Add}) {
		return nil, nil, nil, 0, false
	}
	for i := range n.In {
		p, f, is := isBinary(n.In[i], kernel.Mul)
		beta, shift, is2 := isBinary(n.In[1-i], kernel.Sub)
		if !is || !is2 || beta.Const == nil {
			continue
		}
		for _, o := range [][2]*Value{{p, f}, {f, p}} {
			x, f := o[0], o[1]
			if len(x.Shape) == 0 || !SameShape(x.Shape, n.Out[0].Shape) || !isRow(beta.Shape, x.Shape[len(x.Shape)-1]) {
				continue
			}
			if gamma, eps, ok := factorOf(x, f, shift); ok {
				return x, gamma, Constant(beta.Const.Reshaped(beta.Const.Len())), eps, true
			}
		}
	}
	return nil, nil, nil, 0, false
}

// factorOf gives γ and eps if f is the factor of x's normalisation and shift is the mean times it.
func factorOf(x, f, shift *Value) (gamma *Value, eps float64, ok bool) {
	if f.Def == nil {
		return nil, 0, false
	}
	root, row, ok := rowFactor(f, x.Shape[len(x.Shape)-1])
	if !ok {
		return nil, 0, false
	}
	inside, ok := isRsqrt(root)
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
	if of, is := matchCentred(c, c); !is || of != x {
		return nil, 0, false
	}
	a, b, ok := isBinary(shift, kernel.Mul)
	if ok && a == f {
		a, b = b, a
	}
	of, mean := isRowMean(a)
	return row, eps, ok && b == f && mean && of == x
}

// rowFactor matches one number a row times a constant row of n.
func rowFactor(v *Value, n int) (number, row *Value, ok bool) {
	a, b, ok := isBinary(v, kernel.Mul)
	if ok && a.Const != nil {
		a, b = b, a
	}
	if !ok || b.Const == nil || !isRow(b.Shape, n) || len(a.Shape) == 0 || a.Shape[len(a.Shape)-1] != 1 {
		return nil, nil, false
	}
	return a, Constant(b.Const.Reshaped(n)), true
}
