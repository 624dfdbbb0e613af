package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// TopK gives the positions of the K largest (or smallest) elements of each row, in order.
type TopK struct {
	K        int
	Smallest bool
}

func (o TopK) String() string { return fmt.Sprintf("TopK(%d)", o.K) }

// Infer implements Op.
func (o TopK) Infer(in []*Value) ([]Type, error) {
	shape := append([]int(nil), in[0].Shape...)
	shape[len(shape)-1] = o.K
	return []Type{{Int64, shape}}, nil
}

// Bind implements Op.
func (o TopK) Bind(b *Binder, in, out []*Tensor) func() {
	r := rowsOf(in[0].Shape)
	values := make([]float32, r[0]*o.K)
	return func() { kernel.TopK(values, out[0].I, in[0].F, r[0], r[1], o.K, o.Smallest) }
}
