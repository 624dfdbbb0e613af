package graph

import "github.com/plumbline-ml/plumbline/internal/kernel"

// fuseBias turns MatMul + Add of a constant row into one linear layer, also where the row's axes are several, as those of
// heads and features are.
func fuseBias(g *Graph) {
	alone := g.private()
	old := g.Nodes
	g.Nodes = make([]*Node, 0, len(old))
	for _, n := range old {
		x, row, ok := rowOperand(n, kernel.Add)
		if ok && alone[x] {
			if op, is := unbiased(x); is {
				n.become(op, x.Def.In[0], x.Def.In[1], row)
			}
		} else if x, row, ok := splitRow(n); ok && alone[x] && alone[x.Def.In[0]] {
			y := x.Def.In[0]
			if op, is := unbiased(y); is && y.Shape[len(y.Shape)-1] == Size(row.Shape) {
				g.at = n.Name
				n.become(Reshape{n.Out[0].Shape}, g.emit(op, y.Def.In[0], y.Def.In[1], row))
			}
		}
		g.Nodes = append(g.Nodes, n)
	}
}

// unbiased is the layer of a bare product, with a bias.
func unbiased(v *Value) (op Linear, ok bool) {
	if v.Def == nil {
		return op, false
	}
	op, ok = v.Def.Op.(Linear)
	ok = ok && !op.Bias && !op.Residual && op.Act == kernel.NoUnary && op.Scale == unscaled
	op.Bias = true
	return op, ok
}

// splitRow matches x + row, where x is a reshape and the row is constant along all but its last axes.
func splitRow(n *Node) (x, row *Value, ok bool) {
	if n.Op != Op(Binary{kernel.Add}) {
		return nil, nil, false
	}
	for i, v := range n.In {
		x := n.In[1-i]
		if v.Const == nil || x.Def == nil || !SameShape(x.Shape, n.Out[0].Shape) {
			continue
		}
		if _, is := x.Def.Op.(Reshape); !is {
			continue
		}
		shape := v.Shape
		for len(shape) > 0 && shape[0] == 1 {
			shape = shape[1:]
		}
		if k := len(x.Shape) - len(shape); k >= 0 && len(shape) > 1 && SameShape(shape, x.Shape[k:]) {
			return x, Constant(v.Const.Reshaped(v.Const.Len())), true
		}
	}
	return nil, nil, false
}

// epilogueActs are the activations a linear layer can apply.
var epilogueActs = map[kernel.Unary]bool{
	kernel.GELU: true, kernel.GELUTanh: true, kernel.QuickGELU: true, kernel.SiLU: true, kernel.Relu: true,
	kernel.Tanh: true, kernel.Sigmoid: true,
}

func fuseLinearAct(g *Graph) {
	alone := g.private()
	for _, n := range g.Nodes {
		act, ok := n.Op.(Unary)
		if !ok || !epilogueActs[act.Fn] || n.In[0].Def == nil || !alone[n.In[0]] {
			continue
		}
		if op, is := n.In[0].Def.Op.(Linear); is && !op.Residual && op.Act == kernel.NoUnary {
			op.Act = act.Fn
			n.become(op, n.In[0].Def.In...)
		}
	}
}

// fuseResidual lets linear layers add what flows around them, also where their result is reshaped in between.
func fuseResidual(g *Graph) {
	alone := g.private()
	old := g.Nodes
	g.Nodes = make([]*Node, 0, len(old))
	for _, n := range old {
		if n.Op == Op(Binary{kernel.Add}) && SameShape(n.In[0].Shape, n.In[1].Shape) {
			for i := 1; i >= 0; i-- {
				if n.In[1-i].Const == nil && g.addInside(n, n.In[i], n.In[1-i], alone) {
					break
				}
			}
		}
		g.Nodes = append(g.Nodes, n)
	}
}

// addInside makes the sum n of a linear layer's result v and a residual the layer's own, if it can.
func (g *Graph) addInside(n *Node, v, residual *Value, alone map[*Value]bool) bool {
	y := v
	if inner, ok := reshaped(v); ok && alone[v] {
		y = inner
	}
	if y.Def == nil || !alone[y] {
		return false
	}
	op, is := y.Def.Op.(Linear)
	if !is || op.Residual || op.Act != kernel.NoUnary {
		return false
	}
	op.Residual = true
	in := y.Def.In[:len(y.Def.In):len(y.Def.In)]
	if y == v {
		n.become(op, append(in, residual)...)
		return true
	}
	g.at = n.Name
	n.become(Reshape{n.Out[0].Shape}, g.emit(op, append(in, g.Reshape(residual, y.Shape))...))
	return true
}
