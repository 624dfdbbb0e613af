package graph

import (
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Reduction reduces axes; Keep leaves them with length 1.
type Reduction struct {
	Kind kernel.Reduce
	Axes []int
	Keep bool
}

func newReduce(k kernel.Reduce, axes []int, keep bool) Reduction { return Reduction{k, axes, keep} }

func (o Reduction) String() string { return fmt.Sprintf("Reduce%s%v", o.Kind, o.Axes) }

func (o Reduction) Infer(in []*Value) ([]Type, error) {
	var shape []int
	for _, a := range o.Axes {
		if a < 0 || a >= len(in[0].Shape) {
			return nil, fmt.Errorf("axis %d outside shape %v", a, in[0].Shape)
		}
	}
	for i, n := range in[0].Shape {
		switch {
		case !slices.Contains(o.Axes, i):
			shape = append(shape, n)
		case o.Keep:
			shape = append(shape, 1)
		}
	}
	if shape == nil {
		shape = []int{}
	}
	return []Type{{in[0].DType, shape}}, nil
}

func (o Reduction) Bind(b *Binder, in, out []*Tensor) func() {
	x, y := in[0], out[0]
	if x.DType != Float32 {
		return func() { o.ints(y, x) }
	}
	r := kernel.NewReduction(x.Shape, o.Axes)
	return func() { r.Apply(o.Kind, y.F, x.F) }
}

// ints reduces integer tensors, which occur in shape arithmetic only.
func (o Reduction) ints(y, x *Tensor) {
	kept := append([]int(nil), x.Shape...)
	for _, a := range o.Axes {
		kept[a] = 1
	}
	st := broadcastStrides(kept, x.Shape)
	seen := make([]bool, len(y.I))
	eachIndex(x.Shape, func(i int, idx []int) {
		j := dot(idx, st)
		if !seen[j] {
			y.I[j], seen[j] = x.I[i], true
			return
		}
		switch o.Kind {
		case kernel.Sum:
			y.I[j] += x.I[i]
		case kernel.Prod:
			y.I[j] *= x.I[i]
		case kernel.ReduceMax:
			y.I[j] = max(y.I[j], x.I[i])
		case kernel.ReduceMin:
			y.I[j] = min(y.I[j], x.I[i])
		default:
			fail("%s is not defined for integers", o)
		}
	})
}

func (o Reduction) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	if dy[0] == nil {
		return []*Value{nil}
	}
	x := n.In[0]
	kept := append([]int(nil), x.Shape...)
	count := 1
	for _, a := range o.Axes {
		count *= kept[a]
		kept[a] = 1
	}
	d, y := g.Reshape(dy[0], kept), g.Reshape(n.Out[0], kept)
	switch o.Kind {
	case kernel.Sum:
		return []*Value{g.Expand(d, x.Shape)}
	case kernel.Mean:
		return []*Value{g.Expand(g.Mul(d, scalar(1/float32(count))), x.Shape)}
	case kernel.SumSquare:
		return []*Value{g.Mul(g.Mul(x, scalar(2)), d)}
	case kernel.L2:
		return []*Value{g.Mul(x, g.Div(d, y))}
	case kernel.L1:
		return []*Value{g.Mul(g.Map(kernel.Sign, x), d)}
	case kernel.LogSumExp:
		return []*Value{g.Mul(g.Map(kernel.Exp, g.Sub(x, y)), d)}
	case kernel.Prod:
		return []*Value{g.prodGrad(o.Axes, d, x)}
	case kernel.ReduceMax, kernel.ReduceMin: // ties share the cotangent equally, as PyTorch's amax does
		hit := g.emit(Cast{Float32}, g.emit(Binary{kernel.Equal}, x, y))
		ties := g.emit(newReduce(kernel.Sum, o.Axes, true), hit)
		return []*Value{g.Mul(hit, g.Div(d, ties))}
	}
	fail("%s has no gradient", o)
	return nil
}

// prodGrad moves the reduced axes last, so that each product is one row.
func (g *Graph) prodGrad(axes []int, d, x *Value) *Value {
	var perm []int
	n := 1
	for i := range x.Shape {
		if !slices.Contains(axes, i) {
			perm = append(perm, i)
		}
	}
	for _, a := range axes {
		perm = append(perm, a)
		n *= x.Shape[a]
	}
	inv := make([]int, len(perm))
	for i, p := range perm {
		inv[p] = i
	}
	rows := g.Transpose(x, perm)
	flat := g.Reshape(rows, []int{Size(x.Shape) / max(n, 1), n})
	dx := g.emit(ProdGrad{}, g.Reshape(d, []int{Size(d.Shape)}), flat)
	return g.Transpose(g.Reshape(dx, rows.Shape), inv)
}

// ProdGrad is the cotangent of products of rows: d [R] times the product of a row's other elements, exact
// where elements are zero. Inputs: d, x [R,N].
type ProdGrad struct{}

func (ProdGrad) String() string { return "ProdGrad" }

// Infer implements Op.
func (ProdGrad) Infer(in []*Value) ([]Type, error) { return []Type{{Float32, in[1].Shape}}, nil }

// Bind implements Op.
func (ProdGrad) Bind(b *Binder, in, out []*Tensor) func() {
	d, x, dx, n := in[0].F, in[1].F, out[0].F, in[1].Shape[1]
	return func() {
		for r, v := range d {
			before := float64(v)
			for i := r * n; i < (r+1)*n; i++ {
				dx[i] = float32(before)
				before *= float64(x[i])
			}
			after := 1.0
			for i := (r+1)*n - 1; i >= r*n; i-- {
				dx[i] = float32(float64(dx[i]) * after)
				after *= float64(x[i])
			}
		}
	}
}
