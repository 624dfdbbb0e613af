package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// LayerNorm normalises the last axis: (x-mean)/√(var+Eps)·scale + bias (Ba, Kiros, Hinton, arXiv
// 1607.06450). Inputs: x, then scale if Scale, then bias if Bias. Results: y, then mean and 1/√(var+Eps)
// of each row for the backward pass.
type LayerNorm struct {
	Eps         float32
	Scale, Bias bool
}

func (o LayerNorm) String() string { return fmt.Sprintf("LayerNorm(eps=%g)", o.Eps) }

func (o LayerNorm) Infer(in []*Value) ([]Type, error) {
	x := in[0]
	if len(x.Shape) == 0 {
		return nil, fmt.Errorf("input is a scalar")
	}
	for _, v := range in[1:] {
		if Size(v.Shape) != x.Shape[len(x.Shape)-1] {
			return nil, fmt.Errorf("scale or bias of shape %v for rows of %d", v.Shape, x.Shape[len(x.Shape)-1])
		}
	}
	stat := Type{Float32, []int{rowsOf(x.Shape)[0]}}
	return []Type{{Float32, x.Shape}, stat, stat}, nil
}

// params picks scale and bias from a node's tensors.
func (o LayerNorm) params(in []*Tensor) (scale, bias []float32) {
	if o.Scale {
		scale = in[1].F
	}
	if o.Bias {
		bias = in[len(in)-1].F
	}
	return scale, bias
}

func floats(t *Tensor) []float32 {
	if t == nil {
		return nil
	}
	return t.F
}

func part(s []float32, lo, hi int) []float32 {
	if s == nil {
		return nil
	}
	return s[lo:hi]
}

func (o LayerNorm) Bind(b *Binder, in, out []*Tensor) func() {
	scale, bias := o.params(in)
	x, y, mean, rstd := in[0].F, out[0].F, floats(out[1]), floats(out[2])
	r := rowsOf(in[0].Shape)
	n := r[1]
	body := func(_, lo, hi int) {
		kernel.LayerNorm(y[lo*n:hi*n], x[lo*n:hi*n], scale, bias, part(mean, lo, hi), part(rstd, lo, hi), hi-lo, n, o.Eps)
	}
	return func() { b.Workers.Run(r[0], 16, body) }
}

func (o LayerNorm) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	out := make([]*Value, len(n.In))
	if dy[0] == nil {
		return out
	}
	in := []*Value{dy[0], n.In[0], n.Out[1], n.Out[2]}
	if need[0] {
		if o.Scale {
			in = append(in, n.In[1])
		}
		out[0] = g.emit(LayerNormGrad{Scale: o.Scale}, in...)
	}
	if o.Scale && need[1] || o.Bias && need[len(need)-1] {
		w := g.Emit(LayerNormWeightGrad{}, in[:4]...)
		if o.Scale {
			out[1] = g.Reshape(w[0], n.In[1].Shape)
		}
		if o.Bias {
			out[len(out)-1] = g.Reshape(w[1], n.In[len(out)-1].Shape)
		}
	}
	return out
}

// LayerNormGrad is the cotangent of LayerNorm's input from inputs dy, x, mean, rstd, then scale if
// Scale, then a cotangent to add if Add.
type LayerNormGrad struct{ Scale, Add bool }

func (o LayerNormGrad) String() string {
	if o.Add {
		return "LayerNormGrad+add"
	}
	return "LayerNormGrad"
}

func (o LayerNormGrad) Infer(in []*Value) ([]Type, error) {
	return []Type{{Float32, in[1].Shape}}, nil
}

func (o LayerNormGrad) Bind(b *Binder, in, out []*Tensor) func() {
	dy, x, mean, rstd, dx := in[0].F, in[1].F, in[2].F, in[3].F, out[0].F
	var scale, add []float32
	if o.Scale {
		scale = in[4].F
	}
	if o.Add {
		add = in[len(in)-1].F
	}
	r := rowsOf(in[1].Shape)
	n := r[1]
	body := func(_, lo, hi int) {
		kernel.LayerNormGrad(dx[lo*n:hi*n], dy[lo*n:hi*n], x[lo*n:hi*n], scale, mean[lo:hi], rstd[lo:hi], part(add, lo*n, hi*n), hi-lo, n)
	}
	return func() { b.Workers.Run(r[0], 16, body) }
}

// LayerNormWeightGrad gives the cotangents of scale and bias from inputs dy, x, mean, rstd.
type LayerNormWeightGrad struct{}

func (LayerNormWeightGrad) String() string { return "LayerNormWeightGrad" }

func (LayerNormWeightGrad) Infer(in []*Value) ([]Type, error) {
	t := Type{Float32, []int{in[1].Shape[len(in[1].Shape)-1]}}
	return []Type{t, t}, nil
}

func (LayerNormWeightGrad) Bind(b *Binder, in, out []*Tensor) func() {
	r := rowsOf(in[1].Shape)
	dg, db := out[0], out[1]
	if dg == nil {
		dg = NewTensor(Float32, r[1])
	}
	if db == nil {
		db = NewTensor(Float32, r[1])
	}
	return func() {
		clear(dg.F)
		clear(db.F)
		kernel.LayerNormWeightGrad(dg.F, db.F, in[0].F, in[1].F, in[2].F, in[3].F, r[0], r[1])
	}
}
