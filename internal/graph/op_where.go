package graph

// Where selects from its second input where the first is true, else from its third, with broadcasting.
type Where struct{}

func (Where) String() string { return "Where" }

func (Where) Infer(in []*Value) ([]Type, error) {
	shape, err := BroadcastShape(in[1].Shape, in[2].Shape)
	if err == nil {
		shape, err = BroadcastShape(in[0].Shape, shape)
	}
	return []Type{{in[1].DType, shape}}, err
}

func (Where) Bind(b *Binder, in, out []*Tensor) func() {
	z := out[0]
	var st [3][]int
	for i, t := range in {
		st[i] = broadcastStrides(t.Shape, z.Shape)
	}
	return func() {
		eachIndex(z.Shape, func(i int, idx []int) {
			pick := 2
			if truth(in[0], dot(idx, st[0])) {
				pick = 1
			}
			j := dot(idx, st[pick])
			if z.DType == Float32 {
				z.F[i] = in[pick].F[j]
			} else {
				z.I[i] = in[pick].I[j]
			}
		})
	}
}

func truth(t *Tensor, i int) bool {
	if t.DType == Float32 {
		return t.F[i] != 0
	}
	return t.I[i] != 0
}

func (o Where) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	out := make([]*Value, 3)
	if dy[0] == nil {
		return out
	}
	if need[1] {
		out[1] = g.unbroadcast(g.emit(o, n.In[0], dy[0], scalar(0)), n.In[1].Shape)
	}
	if need[2] {
		out[2] = g.unbroadcast(g.emit(o, n.In[0], scalar(0), dy[0]), n.In[2].Shape)
	}
	return out
}
