package graph

// SinkRows moves the choice of rows towards the input: where only some tokens of a result are read, as
// when the embedding needs only the class token, operators that work row by row compute only those, and
// attention only their queries.
func (g *Graph) SinkRows() (err error) {
	what := "row selection"
	defer Catch(&what, &err)
	for g.sinkOnce() {
		g.Prune()
	}
	return nil
}

// sinkOnce moves every selection past one operator and tells whether any moved.
func (g *Graph) sinkOnce() bool {
	alone := g.private()
	old := g.Nodes
	g.Nodes = make([]*Node, 0, len(old))
	moved := false
	for _, n := range old {
		r, ok := selection(n)
		if !ok || !alone[n.In[0]] || !g.sink(n, r) {
			g.Nodes = append(g.Nodes, n)
			continue
		}
		moved = true
	}
	return moved
}

// rowRange is a run of rows, each as long as the last axis.
type rowRange struct{ first, count int }

// selection matches a slice that takes some whole rows of a computed value.
func selection(n *Node) (r rowRange, ok bool) {
	op, ok := n.Op.(Slice)
	x := n.In[0]
	if !ok || x.Def == nil || x.DType != Float32 {
		return r, false
	}
	off, ok := op.contiguous(x.Shape)
	width, size := x.Shape[len(x.Shape)-1], Size(op.Size)
	if !ok || size == 0 || off%width != 0 || size%width != 0 {
		return r, false
	}
	return rowRange{off / width, size / width}, true
}

// sink computes n's rows directly, if the operator before it allows.
func (g *Graph) sink(n *Node, r rowRange) bool {
	x := n.In[0]
	op, in, ok := g.onRows(x.Def, r)
	if !ok {
		return false
	}
	y := g.Emit(op, in...)
	if Size(y[0].Shape) != Size(n.Out[0].Shape) {
		fail("%s on rows gives shape %v", op, y[0].Shape)
	}
	last := &Node{Op: Reshape{n.Out[0].Shape}, Name: n.Name, In: []*Value{y[0]}, Out: n.Out[:1]}
	n.Out[0].Def = last
	g.Nodes = append(g.Nodes, last)
	return true
}

// onRows gives an operator and inputs that compute the given rows of d's result.
func (g *Graph) onRows(d *Node, r rowRange) (op Op, in []*Value, ok bool) {
	out := d.Out[0]
	width := out.Shape[len(out.Shape)-1]
	switch o := d.Op.(type) {
	case Unary, LayerNorm, RMSNorm:
		x, ok := g.takeRows(d.In[0], r)
		return d.Op, append([]*Value{x}, d.In[1:]...), ok
	case Linear:
		x, ok := g.takeRows(d.In[0], r)
		in = append([]*Value{x}, d.In[1:]...)
		if o.Residual && ok {
			in[len(in)-1], ok = g.takeRows(in[len(in)-1], r)
		}
		return o, in, ok
	case Binary:
		in = make([]*Value, 2)
		for i, v := range d.In {
			switch {
			case SameShape(v.Shape, out.Shape):
				if in[i], ok = g.takeRows(v, r); !ok {
					return nil, nil, false
				}
			case v.Const != nil && (v.Const.Len() == 1 || isRow(v.Shape, width)):
				in[i] = Constant(v.Const.Reshaped(v.Const.Len()))
			default:
				return nil, nil, false
			}
		}
		return o, in, true
	case Reshape:
		x, ok := g.takeRun(d.In[0], r.first*width, r.count*width)
		if !ok {
			return nil, nil, false
		}
		return Reshape{x.Shape}, []*Value{x}, true
	case Attention:
		return o.onRows(d, r)
	}
	return nil, nil, false
}

// onRows restricts the queries, where a token's heads lie next to each other in the result.
func (o Attention) onRows(d *Node, r rowRange) (Op, []*Value, bool) {
	token := o.Heads * o.Dv
	width := o.To[len(o.To)-1]
	from, size := r.first*width, r.count*width
	if o.Mask || o.O.Off != 0 || o.O.Row != token || o.O.Head != o.Dv && o.Heads > 1 || from%token != 0 || size%token != 0 {
		return nil, nil, false
	}
	o.Tq = size / token
	o.Q.Off += from / token * o.Q.Row
	o.To = []int{1, o.Tq, token}
	return o, d.In, true
}

// takeRows slices whole rows of v.
func (g *Graph) takeRows(v *Value, r rowRange) (*Value, bool) {
	width := v.Shape[len(v.Shape)-1]
	return g.takeRun(v, r.first*width, r.count*width)
}

// takeRun slices a run of memory of v along the axis where that is possible.
func (g *Graph) takeRun(v *Value, off, size int) (*Value, bool) {
	strides := Strides(v.Shape)
	for a, n := range v.Shape {
		if n == 1 {
			continue
		}
		if off%strides[a] != 0 || size%strides[a] != 0 || off/strides[a]+size/strides[a] > n {
			return nil, false
		}
		return g.SliceAxis(v, a, off/strides[a], size/strides[a]), true
	}
	return v, off == 0 && size == 1
}
