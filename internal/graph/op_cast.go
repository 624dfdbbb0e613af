package graph

import "math"

// Cast converts the element type.
type Cast struct{ To DType }

func (o Cast) String() string { return "Cast(" + o.To.String() + ")" }

func (o Cast) Infer(in []*Value) ([]Type, error) { return []Type{{o.To, in[0].Shape}}, nil }

func (o Cast) Bind(b *Binder, in, out []*Tensor) func() {
	x, y := in[0], out[0]
	return func() {
		for i := range x.Len() {
			v := element(x, i)
			switch o.To {
			case Float32:
				y.F[i] = float32(v)
			case Bool:
				y.I[i] = 0
				if v != 0 {
					y.I[i] = 1
				}
			default:
				y.I[i] = toInt(x, i)
			}
		}
	}
}

func element(t *Tensor, i int) float64 {
	if t.DType == Float32 {
		return float64(t.F[i])
	}
	return float64(t.I[i])
}

func toInt(t *Tensor, i int) int64 {
	if t.DType != Float32 {
		return t.I[i]
	}
	v := math.Trunc(float64(t.F[i]))
	switch {
	case v != v:
		return 0
	case v >= math.MaxInt64:
		return math.MaxInt64
	case v <= math.MinInt64:
		return math.MinInt64
	}
	return int64(v)
}

func (o Cast) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	if dy[0] == nil || n.In[0].DType != Float32 {
		return []*Value{nil}
	}
	return []*Value{dy[0]}
}
