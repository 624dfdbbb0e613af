package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// CumSum gives running sums along Axis, without the element itself if Exclusive, from the end if Reverse.
type CumSum struct {
	Axis               int
	Exclusive, Reverse bool
}

func (o CumSum) String() string { return fmt.Sprintf("CumSum(axis=%d)", o.Axis) }

// Infer implements Op.
func (o CumSum) Infer(in []*Value) ([]Type, error) { return sameAsFirst(in) }

// Bind implements Op.
func (o CumSum) Bind(b *Binder, in, out []*Tensor) func() {
	x, y := in[0], out[0]
	outer, n, inner := Gather{o.Axis}.split(x.Shape)
	if x.DType == Float32 {
		return func() { kernel.CumSum(y.F, x.F, outer, n, inner, o.Exclusive, o.Reverse) }
	}
	return func() {
		for i := range outer {
			for j := range inner {
				o.ints(y.I[i*n*inner+j:], x.I[i*n*inner+j:], n, inner)
			}
		}
	}
}

func (o CumSum) ints(y, x []int64, n, step int) {
	sum := int64(0)
	for k := range n {
		if o.Reverse {
			k = n - 1 - k
		}
		if o.Exclusive {
			y[k*step] = sum
		}
		sum += x[k*step]
		if !o.Exclusive {
			y[k*step] = sum
		}
	}
}

// Grad implements Differentiable.
func (o CumSum) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	if dy[0] == nil {
		return []*Value{nil, nil}
	}
	return []*Value{g.emit(CumSum{o.Axis, o.Exclusive, !o.Reverse}, dy[0])}
}

func importCumSum(c *call) []*Value {
	x := c.in(0)
	list := c.constInts(1)
	if len(list) != 1 {
		fail("axis must be a scalar")
	}
	o := CumSum{axis(list[0], len(x.Shape)), c.int("exclusive", 0) == 1, c.int("reverse", 0) == 1}
	return one(c.g().emit(o, x))
}
