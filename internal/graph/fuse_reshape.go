package graph

import "slices"

// delayReshapes moves reshapes that only add, drop or move axes of length 1 past element-wise operators and
// reductions of rows, so that what belongs to one normalisation or activation is not torn apart by them: with one
// image a transposition between B×T×D and T×B×D is such a reshape, and optimisers of ONNX files put it anywhere.
func delayReshapes(g *Graph) {
	old := g.Nodes
	g.Nodes = make([]*Node, 0, len(old))
	later := map[*Value]*Value{} // a result computed in another shape, to the reshape with the old one
	for _, n := range old {
		for i, v := range n.In {
			if r := later[v]; r != nil {
				n.In[i] = r
			}
		}
		g.Nodes = append(g.Nodes, n)
		if _, is := n.Op.(Reshape); is {
			n.In[0] = n.In[0].Unreshaped()
			continue
		}
		op, in, to, ok := beforeReshape(n)
		if !ok {
			continue
		}
		y, shape := n.Out[0], n.Out[0].Shape
		n.Op, n.In, y.Shape = op, in, to
		r := &Node{Op: Reshape{shape}, Name: n.Name, In: []*Value{y}}
		r.Out = []*Value{{Name: y.Name, DType: y.DType, Shape: shape, Def: r}}
		g.Nodes = append(g.Nodes, r)
		later[y] = r.Out[0]
	}
	for i, v := range g.Outputs {
		if r := later[v]; r != nil {
			g.Outputs[i] = r
		}
	}
	for name, v := range g.Names {
		if r := later[v]; r != nil {
			g.Names[name] = r
		}
	}
}

// beforeReshape gives n as it is computed before the reshapes of its inputs, and its shape then.
func beforeReshape(n *Node) (op Op, in []*Value, to []int, ok bool) {
	full := n.Out[0].Shape // of all inputs together
	rows := false
	switch n.Op.(type) {
	case Unary, Binary:
	case Reduction:
		full = n.In[0].Shape
		if rows = reducesRows(n); !rows {
			return nil, nil, nil, false
		}
	default:
		return nil, nil, nil, false
	}
	var from []int // full, before the reshape
	for _, v := range n.In {
		if x := v.Unreshaped(); x != v && SameShape(v.Shape, full) && x.Const == nil && sameButUnits(x.Shape, full) {
			from = x.Shape
			break
		}
	}
	last := len(from) - 1
	if last < 0 || len(full) == 0 || from[last] != full[len(full)-1] {
		return nil, nil, nil, false
	}
	for _, v := range n.In {
		x := v
		if s := v.Unreshaped(); sameButUnits(s.Shape, v.Shape) {
			x = s
		}
		if want := along(v.Shape, full); !slices.Equal(along(x.Shape, from), want) {
			if x, ok = spread(v, want, from); !ok {
				return nil, nil, nil, false
			}
		}
		if len(x.Shape) > len(from) || SameShape(v.Shape, full) && !SameShape(x.Shape, from) {
			return nil, nil, nil, false
		}
		in = append(in, x)
	}
	if rows {
		op := newReduce(n.Op.(Reduction).Kind, []int{last}, true)
		to := slices.Clone(from)
		to[last] = 1
		return op, in, to, true
	}
	return n.Op, in, from, true
}

// reducesRows matches a reduction of the last axis, kept.
func reducesRows(n *Node) bool {
	op := n.Op.(Reduction)
	rank := len(n.In[0].Shape)
	return op.Keep && len(op.Axes) == 1 && op.Axes[0] == rank-1 && n.In[0].DType == Float32
}

// sameButUnits tells whether two shapes differ in axes of length 1 only.
func sameButUnits(a, b []int) bool { return slices.Equal(along(a, a), along(b, b)) }

// along lists shape's lengths on those axes of full that are longer than 1, both aligned at the last axis.
func along(shape, full []int) (list []int) {
	for i, n := range full {
		if n == 1 {
			continue
		}
		if j := i - len(full) + len(shape); j >= 0 {
			list = append(list, shape[j])
		} else {
			list = append(list, 1)
		}
	}
	return list
}

// spread reshapes a constant to the given lengths on those axes of shape that are longer than 1.
func spread(c *Value, lengths, shape []int) (*Value, bool) {
	if c.Const == nil || c.Param || Size(lengths) != Size(c.Shape) {
		return nil, false
	}
	to := make([]int, len(shape))
	for i, n := range shape {
		to[i] = 1
		if n > 1 {
			to[i], lengths = lengths[0], lengths[1:]
		}
	}
	return &Value{Name: c.Name, DType: c.DType, Shape: to, Const: c.Const.Reshaped(to...)}, true
}
