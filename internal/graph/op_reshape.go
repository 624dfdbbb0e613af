package graph

import "fmt"

// Reshape gives the same elements another shape. It moves nothing: its result is its input's memory.
type Reshape struct{ To []int }

func (o Reshape) String() string { return fmt.Sprintf("Reshape%v", o.To) }

func (o Reshape) Infer(in []*Value) ([]Type, error) {
	if Size(in[0].Shape) != Size(o.To) {
		return nil, fmt.Errorf("%v has %d elements, not the %d of shape %v", in[0].Shape, Size(in[0].Shape), Size(o.To), o.To)
	}
	return []Type{{in[0].DType, o.To}}, nil
}

func (o Reshape) Bind(*Binder, []*Tensor, []*Tensor) func() { return nil }

func (o Reshape) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	if dy[0] == nil {
		return []*Value{nil}
	}
	return []*Value{g.Reshape(dy[0], n.In[0].Shape)}
}

// Unreshaped is v, or what it is a reshape of.
func (v *Value) Unreshaped() *Value {
	for v.Def != nil {
		if _, is := v.Def.Op.(Reshape); !is {
			break
		}
		v = v.Def.In[0]
	}
	return v
}

// Reshape returns x under another shape, looking through earlier reshapes, once for each
// shape.
func (g *Graph) Reshape(x *Value, shape []int) *Value {
	x = x.Unreshaped()
	if SameShape(x.Shape, shape) {
		return x
	}
	for _, v := range g.reshapes[x] {
		if SameShape(v.Shape, shape) {
			return v
		}
	}
	v := g.emit(Reshape{shape}, x)
	if v.Def != nil {
		g.reshapes[x] = append(g.reshapes[x], v)
	}
	return v
}
