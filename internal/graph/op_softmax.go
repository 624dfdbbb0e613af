package graph

import "github.com/plumbline-ml/plumbline/internal/kernel"

// Softmax normalises the last axis; Log gives its logarithm.
type Softmax struct{ Log bool }

func (o Softmax) String() string {
	if o.Log {
		return "LogSoftmax"
	}
	return "Softmax"
}

func (o Softmax) Infer(in []*Value) ([]Type, error) { return sameAsFirst(in) }

func (o Softmax) Bind(b *Binder, in, out []*Tensor) func() {
	x, y := in[0].F, out[0].F
	r := rowsOf(in[0].Shape)
	body := func(_, lo, hi int) {
		if o.Log {
			kernel.LogSoftmax(y[lo*r[1]:hi*r[1]], x[lo*r[1]:], hi-lo, r[1])
		} else {
			kernel.Softmax(y[lo*r[1]:hi*r[1]], x[lo*r[1]:], hi-lo, r[1])
		}
	}
	return func() { b.Workers.Run(r[0], 16, body) }
}

func (o Softmax) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	if dy[0] == nil {
		return []*Value{nil}
	}
	return []*Value{g.emit(SoftmaxGrad(o), dy[0], n.Out[0])}
}

// SoftmaxGrad is the cotangent of Softmax's input from inputs dy, y.
type SoftmaxGrad struct{ Log bool }

func (o SoftmaxGrad) String() string                    { return Softmax(o).String() + "Grad" }
func (o SoftmaxGrad) Infer(in []*Value) ([]Type, error) { return sameAsFirst(in) }

func (o SoftmaxGrad) Bind(b *Binder, in, out []*Tensor) func() {
	dy, y, dx := in[0].F, in[1].F, out[0].F
	r := rowsOf(in[1].Shape)
	body := func(_, lo, hi int) {
		l, h := lo*r[1], hi*r[1]
		if o.Log {
			kernel.LogSoftmaxGrad(dx[l:h], dy[l:h], y[l:h], hi-lo, r[1])
		} else {
			kernel.SoftmaxGrad(dx[l:h], dy[l:h], y[l:h], hi-lo, r[1])
		}
	}
	return func() { b.Workers.Run(r[0], 16, body) }
}

// Softmax normalises one axis, moving it last and back where needed.
func (g *Graph) Softmax(x *Value, axis int, log bool) *Value {
	last := len(x.Shape) - 1
	if axis == last {
		return g.emit(Softmax{log}, x)
	}
	perm := make([]int, len(x.Shape))
	for i := range perm {
		perm[i] = i
	}
	perm[axis], perm[last] = last, axis
	return g.Transpose(g.emit(Softmax{log}, g.Transpose(x, perm)), perm)
}
