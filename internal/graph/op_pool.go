package graph

import (
	"fmt"
	"unsafe"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Pool averages or takes the maximum over windows of an image [1,C,H,W]. Max pooling has the winners'
// positions as its second result.
type Pool struct {
	Max        bool
	IncludePad bool // averages count padding
	Shape      kernel.ConvShape
}

func (o Pool) String() string {
	name := "AveragePool"
	if o.Max {
		name = "MaxPool"
	}
	return fmt.Sprintf("%s(%d×%d)", name, o.Shape.Kh, o.Shape.Kw)
}

func (o Pool) Infer(in []*Value) ([]Type, error) {
	shape := []int{1, o.Shape.C, o.Shape.Oh, o.Shape.Ow}
	t := Type{Float32, shape}
	if o.Max {
		return []Type{t, t}, nil
	}
	return []Type{t}, nil
}

func (o Pool) Bind(b *Binder, in, out []*Tensor) func() {
	s := o.Shape
	if !o.Max {
		return func() { kernel.AveragePool(out[0].F, in[0].F, &s, o.IncludePad) }
	}
	at := out[1]
	if at == nil {
		at = NewTensor(Float32, out[0].Shape...)
	}
	return func() { kernel.MaxPool(out[0].F, asInt32(at.F), in[0].F, &s) }
}

func (o Pool) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	if dy[0] == nil {
		return []*Value{nil}
	}
	in := []*Value{dy[0]}
	if o.Max {
		in = append(in, n.Out[1])
	}
	return []*Value{g.emit(PoolGrad(o), in...)}
}

// PoolGrad is the cotangent of Pool's image from dy (and the winners' positions).
type PoolGrad Pool

func (o PoolGrad) String() string { return Pool(o).String() + "Grad" }

func (o PoolGrad) Infer(in []*Value) ([]Type, error) {
	return []Type{{Float32, []int{1, o.Shape.C, o.Shape.H, o.Shape.W}}}, nil
}

func (o PoolGrad) Bind(b *Binder, in, out []*Tensor) func() {
	s := o.Shape
	return func() {
		clear(out[0].F)
		if o.Max {
			kernel.MaxPoolGrad(out[0].F, in[0].F, asInt32(in[1].F), &s)
		} else {
			kernel.AveragePoolGrad(out[0].F, in[0].F, &s, o.IncludePad)
		}
	}
}

// asInt32 is the memory of s as integers: the winners' positions travel in a float buffer.
func asInt32(s []float32) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(s))), len(s))
}
