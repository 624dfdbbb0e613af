package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// ArgExtreme is the index of the largest (or smallest) element along Axis, which stays with length 1.
type ArgExtreme struct {
	Axis      int
	Min, Last bool
}

func (o ArgExtreme) String() string { return fmt.Sprintf("ArgExtreme(axis=%d min=%t)", o.Axis, o.Min) }

func (o ArgExtreme) Infer(in []*Value) ([]Type, error) {
	shape := append([]int(nil), in[0].Shape...)
	shape[o.Axis] = 1
	return []Type{{Int64, shape}}, nil
}

func (o ArgExtreme) Bind(b *Binder, in, out []*Tensor) func() {
	outer, n, inner := Gather{o.Axis}.split(in[0].Shape)
	x := in[0].F
	if in[0].DType != Float32 {
		return func() {
			f := make([]float32, len(in[0].I))
			for i, v := range in[0].I {
				f[i] = float32(v)
			}
			o.run(out[0].I, f, outer, n, inner)
		}
	}
	return func() { o.run(out[0].I, x, outer, n, inner) }
}

func (o ArgExtreme) run(y []int64, x []float32, outer, n, inner int) {
	if o.Min {
		kernel.ArgMin(y, x, outer, n, inner, o.Last)
	} else {
		kernel.ArgMax(y, x, outer, n, inner, o.Last)
	}
}
