package encoder

import (
	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// normalisesItself tells whether the graph begins with a normalisation of its pixels, additions and
// multiplications by a number or by one number a channel, and whether it expects them in 0…255 and not in
// 0…1.
func (m *Model) normalisesItself() (bytes, ok bool) {
	at0, at1 := 0.0, 1.0 // what pixels of 0 and 1 become
	v := m.base.Inputs[0]
	users := m.base.Users()
	for len(users[v]) == 1 {
		n := users[v][0]
		if n.Op == graph.Op(graph.Cast{To: graph.Float32}) {
			v = n.Out[0]
			continue
		}
		op, is := n.Op.(graph.Binary)
		if !is || !graph.SameShape(n.Out[0].Shape, v.Shape) {
			break
		}
		c := n.In[1]
		if c == v {
			c = n.In[0]
		}
		if c.Const == nil || c.Const.DType != graph.Float32 || c.Const.Len() != 1 && c.Const.Len() != v.Shape[1] {
			break
		}
		mean := 0.0
		for _, f := range c.Const.F {
			mean += float64(f) / float64(c.Const.Len())
		}
		f := map[kernel.Binary]func(a float64) float64{
			kernel.Add: func(a float64) float64 { return a + mean }, kernel.Sub: func(a float64) float64 { return a - mean },
			kernel.Mul: func(a float64) float64 { return a * mean }, kernel.Div: func(a float64) float64 { return a / mean },
		}[op.Fn]
		if f == nil || n.In[0] != v && op.Fn != kernel.Add && op.Fn != kernel.Mul {
			break
		}
		at0, at1, ok = f(at0), f(at1), true
		v = n.Out[0]
	}
	slope := at1 - at0
	return slope < 0.1 && slope > -0.1, ok
}
