package graph

import (
	"cmp"
	"slices"
)

// delayTransposes moves transpositions of rows of features behind element-wise operators, reductions and joins, so that
// these work on rows again: optimisers of ONNX files move them ahead, as far as the patches, and normalise columns.
// Only what layers of rows have computed is moved; maps stay maps.
func delayTransposes(g *Graph) {
	d := delay{g: g, rows: map[*Value]bool{}, moved: map[*Value][]int{}}
	g.Turned = nil
	old := g.Nodes
	g.Nodes = make([]*Node, 0, len(old))
	for _, n := range old {
		d.node(n)
		g.Nodes = append(g.Nodes, n)
	}
}

// delay holds the state of the pass.
type delay struct {
	g     *Graph
	rows  map[*Value]bool  // values whose last axis is that of features
	moved map[*Value][]int // results that are turned behind, to the order of their axes before
}

func (d *delay) node(n *Node) {
	switch op := n.Op.(type) {
	case Linear, LayerNorm, RMSNorm:
		d.rows[n.Out[0]] = true
	case Transpose:
		if s := viewOf(n.Out[0]); s.base != n.In[0] && s.whole() {
			n.become(Reshape{n.Out[0].Shape}, s.base)
		}
	case Unary, Binary:
		d.move(n, func([]int) Op { return op })
	case Reduction:
		if op.Keep {
			d.move(n, func(at []int) Op { return newReduce(op.Kind, places(at, op.Axes), true) })
		}
	case Concat:
		d.move(n, func(at []int) Op { return Concat{slices.Index(at, op.Axis)} })
	}
}

// places lists where axes lie in memory order.
func places(at, axes []int) (list []int) {
	for _, a := range axes {
		list = append(list, slices.Index(at, a))
	}
	slices.Sort(list)
	return list
}

// move computes n on rows and turns its result, where one of its inputs is turned rows and the others can be had in
// their order for nothing. op gives the operator for axes in the order at.
func (d *delay) move(n *Node, op func(at []int) Op) {
	rank := len(n.Out[0].Shape)
	if n.Out[0].DType != Float32 || rank > 3 { // maps of images stay maps
		return
	}
	var at []int // the axes of n in the order of memory
	for _, v := range n.In {
		if order, ok := d.turned(v); ok && len(order) == rank && Size(v.Shape) > 1 {
			at = order
			break
		}
	}
	if at == nil {
		return
	}
	var in []*Value
	for _, v := range n.In {
		u, ok := d.inOrder(v, at)
		if !ok {
			return
		}
		in = append(in, u)
	}
	d.g.at = n.Name
	y := d.g.emit(op(at), in...)
	d.rows[y], d.moved[n.Out[0]] = true, at
	back := make([]int, rank)
	for i, a := range at {
		back[a] = i
	}
	n.become(Transpose{back}, y)
	d.g.Turned = append(d.g.Turned, &Node{Op: n.Op, In: n.In, Out: n.Out})
	if s := viewOf(n.Out[0]); s.whole() {
		n.become(Reshape{n.Out[0].Shape}, y)
	}
}

// turned gives the axes of v in the order in which they lie in memory, where v is rows turned.
func (d *delay) turned(v *Value) (order []int, ok bool) {
	if order, ok = d.moved[v]; ok {
		return order, true
	}
	s := viewOf(v)
	if s.base == v || !d.rows[s.base] || s.off != 0 || s.scale != 1 || Size(s.shape) != Size(s.base.Shape) || s.whole() {
		return nil, false
	}
	for i := range s.shape {
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if s.shape[a] == 1 || s.shape[b] == 1 {
			return cmp.Compare(min(s.shape[a], 2), min(s.shape[b], 2))
		}
		return cmp.Compare(s.strides[b], s.strides[a])
	})
	return order, s.permuted(order).whole()
}

// permuted sees the view with its axes in another order.
func (s strided) permuted(order []int) strided {
	out := strided{base: s.base, off: s.off, scale: s.scale}
	for _, a := range order {
		out.shape, out.strides = append(out.shape, s.shape[a]), append(out.strides, s.strides[a])
	}
	return out
}

// inOrder gives v with its axes in this order, if that moves no computed element.
func (d *delay) inOrder(v *Value, order []int) (*Value, bool) {
	rank := len(order)
	if v.DType != Float32 || len(v.Shape) > rank || v.Param {
		return nil, false
	}
	if Size(v.Shape) == 1 {
		return v, true
	}
	full := slices.Repeat([]int{1}, rank)
	copy(full[rank-len(v.Shape):], v.Shape)
	if v.Const != nil {
		return d.g.Transpose(d.g.Reshape(v, full), order), true
	}
	s := viewOf(v)
	if len(s.shape) < rank {
		strides, ok := restride(s.shape, s.strides, full)
		if !ok {
			return nil, false
		}
		s.shape, s.strides = full, strides
	}
	if s = s.permuted(order); !s.whole() {
		return nil, false
	}
	return d.g.Reshape(s.base, s.shape), true
}
