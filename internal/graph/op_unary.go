package graph

import "github.com/plumbline-ml/plumbline/internal/kernel"

// Unary applies a function to every element.
type Unary struct{ Fn kernel.Unary }

func (o Unary) String() string { return o.Fn.String() }

func (o Unary) Infer(in []*Value) ([]Type, error) { return sameAsFirst(in) }

func (o Unary) Bind(b *Binder, in, out []*Tensor) func() {
	x, y := in[0], out[0]
	if x.DType != Float32 {
		return func() { mapInt(o.Fn, y.I, x.I) }
	}
	body := func(_, lo, hi int) { kernel.Map(o.Fn, y.F[lo:hi], x.F[lo:hi]) }
	return func() { b.Workers.Run(len(x.F), elementGrain, body) }
}

// elementGrain is the smallest piece of an element-wise loop worth another goroutine.
const elementGrain = 1 << 14

func mapInt(fn kernel.Unary, y, x []int64) {
	for i, v := range x {
		switch fn {
		case kernel.Neg:
			v = -v
		case kernel.Abs:
			v = max(v, -v)
		case kernel.Sign:
			v = int64(cmpInt(v, 0))
		case kernel.Square:
			v *= v
		case kernel.Relu:
			v = max(v, 0)
		case kernel.Floor, kernel.Ceil, kernel.Round:
		default:
			fail("%s is not defined for integers", fn)
		}
		y[i] = v
	}
}

func cmpInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (o Unary) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	if dy[0] == nil || !o.Fn.Differentiable() {
		return []*Value{nil}
	}
	return []*Value{g.emit(UnaryGrad(o), dy[0], n.In[0])}
}

// UnaryGrad is dy·f'(x) for inputs dy, x.
type UnaryGrad struct{ Fn kernel.Unary }

func (o UnaryGrad) String() string                    { return o.Fn.String() + "Grad" }
func (o UnaryGrad) Infer(in []*Value) ([]Type, error) { return sameAsFirst(in) }

func (o UnaryGrad) Bind(b *Binder, in, out []*Tensor) func() {
	dy, x, dx := in[0].F, in[1].F, out[0].F
	body := func(_, lo, hi int) { kernel.MapGrad(o.Fn, dx[lo:hi], dy[lo:hi], x[lo:hi]) }
	return func() { b.Workers.Run(len(x), elementGrain, body) }
}

func sameAsFirst(in []*Value) ([]Type, error) {
	return []Type{{in[0].DType, in[0].Shape}}, nil
}
