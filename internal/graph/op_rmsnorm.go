package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// RMSNorm divides each row of the last axis by its root mean square: x/√(mean(x²)+Eps)·scale (Zhang and
// Sennrich, arXiv 1910.07467). Inputs: x, then scale if Scale. Results: y, then 1/√(mean(x²)+Eps) of each
// row for the backward pass.
type RMSNorm struct {
	Eps   float32
	Scale bool
}

func (o RMSNorm) String() string { return fmt.Sprintf("RMSNorm(eps=%g)", o.Eps) }

// Infer implements Op.
func (o RMSNorm) Infer(in []*Value) ([]Type, error) {
	t, err := LayerNorm{Scale: o.Scale}.Infer(in)
	if err != nil {
		return nil, err
	}
	return t[:2], nil
}

// scale picks the factors from a node's tensors.
func (o RMSNorm) scale(in []*Tensor, i int) []float32 {
	if !o.Scale {
		return nil
	}
	return in[i].F
}

// Bind implements Op.
func (o RMSNorm) Bind(b *Binder, in, out []*Tensor) func() {
	scale, x, y, rstd := o.scale(in, 1), in[0].F, out[0].F, floats(out[1])
	r := rowsOf(in[0].Shape)
	n := r[1]
	body := func(_, lo, hi int) {
		kernel.RMSNorm(y[lo*n:hi*n], x[lo*n:hi*n], scale, part(rstd, lo, hi), hi-lo, n, o.Eps)
	}
	return func() { b.Workers.Run(r[0], 16, body) }
}

// Grad implements Differentiable.
func (o RMSNorm) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	out := make([]*Value, len(n.In))
	if dy[0] == nil {
		return out
	}
	in := []*Value{dy[0], n.In[0], n.Out[1]}
	if o.Scale && need[1] {
		out[1] = g.Reshape(g.emit(RMSNormWeightGrad{}, in...), n.In[1].Shape)
	}
	if need[0] {
		if o.Scale {
			in = append(in, n.In[1])
		}
		out[0] = g.emit(RMSNormGrad{Scale: o.Scale}, in...)
	}
	return out
}

// RMSNormGrad is the cotangent of RMSNorm's input from inputs dy, x, rstd, then scale if Scale, then a
// cotangent to add if Add.
type RMSNormGrad struct{ Scale, Add bool }

func (o RMSNormGrad) String() string {
	if o.Add {
		return "RMSNormGrad+add"
	}
	return "RMSNormGrad"
}

// Infer implements Op.
func (o RMSNormGrad) Infer(in []*Value) ([]Type, error) { return []Type{{Float32, in[1].Shape}}, nil }

// Bind implements Op.
func (o RMSNormGrad) Bind(b *Binder, in, out []*Tensor) func() {
	dy, x, rstd, dx := in[0].F, in[1].F, in[2].F, out[0].F
	scale := RMSNorm{Scale: o.Scale}.scale(in, 3)
	var add []float32
	if o.Add {
		add = in[len(in)-1].F
	}
	r := rowsOf(in[1].Shape)
	n := r[1]
	body := func(_, lo, hi int) {
		kernel.RMSNormGrad(dx[lo*n:hi*n], dy[lo*n:hi*n], x[lo*n:hi*n], scale, rstd[lo:hi], part(add, lo*n, hi*n), hi-lo, n)
	}
	return func() { b.Workers.Run(r[0], 16, body) }
}

// RMSNormWeightGrad gives the cotangent of the scale from inputs dy, x, rstd.
type RMSNormWeightGrad struct{}

func (RMSNormWeightGrad) String() string { return "RMSNormWeightGrad" }

// Infer implements Op.
func (RMSNormWeightGrad) Infer(in []*Value) ([]Type, error) {
	return []Type{{Float32, []int{in[1].Shape[len(in[1].Shape)-1]}}}, nil
}

// Bind implements Op.
func (RMSNormWeightGrad) Bind(b *Binder, in, out []*Tensor) func() {
	r := rowsOf(in[1].Shape)
	return func() {
		clear(out[0].F)
		kernel.RMSNormWeightGrad(out[0].F, in[0].F, in[1].F, in[2].F, r[0], r[1])
	}
}
