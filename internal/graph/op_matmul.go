package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// MatMul multiplies the last two axes, Alpha·op(A)·op(B), with broadcasting over the others.
type MatMul struct {
	TransA, TransB bool
	Alpha          float32
}

func (o MatMul) String() string {
	return fmt.Sprintf("MatMul(transA=%t transB=%t alpha=%g)", o.TransA, o.TransB, o.Alpha)
}

// dims gives the sizes of op(A) (m×k) and op(B) (k2×n).
func (o MatMul) dims(a, b []int) (m, k, k2, n int) {
	m, k = a[len(a)-2], a[len(a)-1]
	if o.TransA {
		m, k = k, m
	}
	k2, n = b[len(b)-2], b[len(b)-1]
	if o.TransB {
		k2, n = n, k2
	}
	return m, k, k2, n
}

func (o MatMul) Infer(in []*Value) ([]Type, error) {
	a, b := in[0].Shape, in[1].Shape
	if len(a) < 2 || len(b) < 2 {
		return nil, fmt.Errorf("shapes %v and %v are not matrices", a, b)
	}
	m, k, k2, n := o.dims(a, b)
	if k != k2 {
		return nil, fmt.Errorf("shapes %v and %v do not multiply", a, b)
	}
	batch, err := BroadcastShape(a[:len(a)-2], b[:len(b)-2])
	return []Type{{Float32, append(append([]int(nil), batch...), m, n)}}, err
}

func (o MatMul) Bind(b *Binder, in, out []*Tensor) func() {
	x, y, z := in[0], in[1], out[0]
	m, k, _, n := o.dims(x.Shape, y.Shape)
	batch := z.Shape[:len(z.Shape)-2]
	sx := broadcastStrides(x.Shape[:len(x.Shape)-2], batch)
	sy := broadcastStrides(y.Shape[:len(y.Shape)-2], batch)
	offX, offY := make([]int, Size(batch)), make([]int, Size(batch))
	eachIndex(batch, func(i int, idx []int) {
		offX[i], offY[i] = dot(idx, sx)*m*k, dot(idx, sy)*k*n
	})
	lda, ldb := x.Shape[len(x.Shape)-1], y.Shape[len(y.Shape)-1]
	scratch := b.Scratch(kernel.GemmScratch(m, n, k))
	body := func(w, lo, hi int) {
		for i := lo; i < hi; i++ {
			kernel.Gemm(z.F[i*m*n:], n, o.TransA, x.F[offX[i]:], lda, o.TransB, y.F[offY[i]:], ldb, m, n, k, o.Alpha, false, scratch(w))
		}
	}
	return func() { b.Workers.Run(len(offX), 1, body) }
}

func (o MatMul) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	out := make([]*Value, 2)
	d := dy[0]
	if d == nil {
		return out
	}
	a, b := n.In[0], n.In[1]
	if need[0] {
		da := MatMul{false, !o.TransB, o.Alpha}
		x, y := d, b
		if o.TransA { // A = op(A)ᵀ: dA = op(B)·dᵀ
			da = MatMul{o.TransB, true, o.Alpha}
			x, y = b, d
		}
		out[0] = g.unbroadcast(g.emit(da, x, y), a.Shape)
	}
	if need[1] {
		db := MatMul{!o.TransA, false, o.Alpha}
		x, y := a, d
		if o.TransB {
			db = MatMul{true, o.TransA, o.Alpha}
			x, y = d, a
		}
		out[1] = g.unbroadcast(g.emit(db, x, y), b.Shape)
	}
	return out
}

// MatMul is numpy's matrix product: rank-1 operands are rows and columns, and a constant matrix on the
// right makes a Linear.
func (g *Graph) MatMul(a, b *Value) *Value {
	if len(a.Shape) == 0 || len(b.Shape) == 0 {
		fail("MatMul: shapes %v and %v", a.Shape, b.Shape)
	}
	var drop []int
	if len(a.Shape) == 1 {
		a = g.Reshape(a, []int{1, a.Shape[0]})
		drop = append(drop, 2)
	}
	if len(b.Shape) == 1 {
		b = g.Reshape(b, []int{b.Shape[0], 1})
		drop = append(drop, 1)
	}
	var y *Value
	if b.Const != nil && len(b.Shape) == 2 && a.Const == nil {
		y = g.emit(Linear{}, a, b)
	} else {
		y = g.emit(MatMul{Alpha: 1}, a, b)
	}
	shape := append([]int(nil), y.Shape...)
	for _, fromEnd := range drop {
		i := len(shape) - fromEnd
		if i < 0 || len(drop) == 2 {
			i = 0
		}
		shape = append(shape[:i], shape[i+1:]...)
	}
	return g.Reshape(y, shape)
}
