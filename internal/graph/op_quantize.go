package graph

import (
	"fmt"
	"math"
)

// Quantize maps x to the integers round(x/scale)+zero clamped to [Lo,Hi], held in float32. Inputs: x,
// scale, zero, of shapes that broadcast. Its gradient is the straight-through estimate (Bengio, Léonard,
// Courville, arXiv 1308.3432): 1/scale inside the range, 0 where it saturates.
type Quantize struct{ Lo, Hi float32 }

func (o Quantize) String() string { return fmt.Sprintf("Quantize[%g,%g]", o.Lo, o.Hi) }

func (o Quantize) Infer(in []*Value) ([]Type, error) {
	return []Type{{Float32, in[0].Shape}}, nil
}

func (o Quantize) Bind(b *Binder, in, out []*Tensor) func() {
	x, scale, zero, y := in[0], in[1], in[2], out[0]
	ss, sz := broadcastStrides(scale.Shape, x.Shape), broadcastStrides(zero.Shape, x.Shape)
	return func() {
		eachIndex(x.Shape, func(i int, idx []int) {
			q := float32(math.RoundToEven(float64(x.F[i]/scale.F[dot(idx, ss)]))) + float32(element(zero, dot(idx, sz)))
			if q == q {
				q = min(max(q, o.Lo), o.Hi)
			}
			y.F[i] = q
		})
	}
}

func (o Quantize) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	out := make([]*Value, len(n.In))
	if dy[0] == nil || !need[0] {
		return out
	}
	out[0] = g.emit(QuantizeGrad(o), append([]*Value{dy[0]}, n.In...)...)
	return out
}

// QuantizeGrad is the straight-through cotangent from inputs dy, x, scale, zero.
type QuantizeGrad struct{ Lo, Hi float32 }

func (o QuantizeGrad) String() string { return "QuantizeGrad" }

func (o QuantizeGrad) Infer(in []*Value) ([]Type, error) {
	return []Type{{Float32, in[1].Shape}}, nil
}

func (o QuantizeGrad) Bind(b *Binder, in, out []*Tensor) func() {
	dy, x, scale, zero, dx := in[0], in[1], in[2], in[3], out[0]
	ss, sz := broadcastStrides(scale.Shape, x.Shape), broadcastStrides(zero.Shape, x.Shape)
	return func() {
		eachIndex(x.Shape, func(i int, idx []int) {
			s := scale.F[dot(idx, ss)]
			q := x.F[i]/s + float32(element(zero, dot(idx, sz)))
			dx.F[i] = 0
			if q >= o.Lo && q <= o.Hi || q != q {
				dx.F[i] = dy.F[i] / s
			}
		})
	}
}
