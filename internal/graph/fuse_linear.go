package graph

import "github.com/plumbline-ml/plumbline/internal/kernel"

// fuseBias turns MatMul + Add of a constant row into one linear layer.
func fuseBias(g *Graph) {
	alone := g.private()
	for _, n := range g.Nodes {
		x, row, ok := rowOperand(n, kernel.Add)
		if !ok || !alone[x] {
			continue
		}
		if op, is := x.Def.Op.(Linear); is && !op.Bias && !op.Residual && op.Act == kernel.NoUnary {
			op.Bias = true
			n.become(op, x.Def.In[0], x.Def.In[1], row)
		}
	}
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

func fuseResidual(g *Graph) {
	alone := g.private()
	for _, n := range g.Nodes {
		if n.Op != Op(Binary{kernel.Add}) || !SameShape(n.In[0].Shape, n.In[1].Shape) {
			continue
		}
		for i := 1; i >= 0; i-- {
			v := n.In[i]
			if v.Def == nil || !alone[v] || n.In[1-i].Const != nil {
				continue
			}
			if op, is := v.Def.Op.(Linear); is && !op.Residual && op.Act == kernel.NoUnary {
				op.Residual = true
				n.become(op, append(v.Def.In[:len(v.Def.In):len(v.Def.In)], n.In[1-i])...)
				break
			}
		}
	}
}
