package graph

import "github.com/plumbline-ml/plumbline/internal/kernel"

// FuseBlocks recognises layer normalisation, activations, linear layers with bias and attention in
// whatever operators an exporter spelt them. Values that are outputs keep being computed.
func (g *Graph) FuseBlocks() (err error) {
	what := "fusion"
	defer Catch(&what, &err)
	for _, pass := range []func(*Graph){
		delayTransposes, delayReshapes, fuseSoftmax, fuseLayerNorm, fuseAffine, fuseActivation, fuseBias, fuseRotary, fuseScale, fuseAttention,
	} {
		pass(g)
		g.Prune()
	}
	return nil
}

// FuseEpilogues lets linear layers apply the activation after them and add the residual around them.
func (g *Graph) FuseEpilogues() (err error) {
	what := "fusion"
	defer Catch(&what, &err)
	for _, pass := range []func(*Graph){fuseLinearAct, fuseResidual} {
		pass(g)
		g.Prune()
	}
	return nil
}

// FuseBackward does the same for backward operators.
func (g *Graph) FuseBackward() (err error) {
	what := "fusion"
	defer Catch(&what, &err)
	g.Prune()
	fuseNormAdd(g)
	g.Prune()
	return nil
}

// become turns a node into another operator with the same first result.
func (n *Node) become(op Op, in ...*Value) {
	types, err := op.Infer(in)
	check(err)
	n.Op, n.In = op, in
	for i := len(n.Out); i < len(types); i++ {
		n.Out = append(n.Out, &Value{DType: types[i].DType, Shape: types[i].Shape, Def: n})
	}
}

// private lists the values read by exactly one node and not an output.
func (g *Graph) private() map[*Value]bool {
	p := map[*Value]bool{}
	for v, users := range g.Users() {
		p[v] = len(users) == 1
	}
	for _, v := range g.Outputs {
		p[v] = false
	}
	return p
}

// scalarConst is v's value if it is one constant number.
func scalarConst(v *Value) (float64, bool) {
	if v == nil || v.Const == nil || v.Const.Len() != 1 {
		return 0, false
	}
	return element(v.Const, 0), true
}

// isUnary and isBinary match a value's definition.
func isUnary(v *Value, fn kernel.Unary) (x *Value, ok bool) {
	if v.Def == nil {
		return nil, false
	}
	op, ok := v.Def.Op.(Unary)
	if !ok || op.Fn != fn {
		return nil, false
	}
	return v.Def.In[0], true
}

func isBinary(v *Value, fn kernel.Binary) (x, y *Value, ok bool) {
	if v.Def == nil {
		return nil, nil, false
	}
	op, ok := v.Def.Op.(Binary)
	if !ok || op.Fn != fn {
		return nil, nil, false
	}
	return v.Def.In[0], v.Def.In[1], true
}

// isRowMean matches the mean over the last axis, kept.
func isRowMean(v *Value) (x *Value, ok bool) {
	if v.Def == nil {
		return nil, false
	}
	op, ok := v.Def.Op.(Reduction)
	if !ok || op.Kind != kernel.Mean || len(op.Axes) != 1 {
		return nil, false
	}
	x = v.Def.In[0]
	return x, op.Axes[0] == len(x.Shape)-1 && op.Keep
}
