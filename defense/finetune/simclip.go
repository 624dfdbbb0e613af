package finetune

import (
	"context"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// SimCLIP brings the embeddings of the attacked and the clean image together in direction, each in turn
// held fixed (Hossain and Imteaj, arXiv 2407.14971, equations 5 and 6):
//
//	−½·cos(φ(z), sg φ(x)) − ½·cos(φ(x), sg φ(z)).
//
// The attack maximises ‖φ(z) − φ(x)‖². It needs neither labels nor the original encoder.
type SimCLIP struct{}

// Name implements [Method].
func (SimCLIP) Name() string { return "sim-clip" }

// Supervised implements [Method].
func (SimCLIP) Supervised() bool { return false }

// Attacked implements [Method].
func (SimCLIP) Attacked(ctx context.Context, b *Batch) ([]encoder.Tap, encoder.LossFunc, error) {
	target, err := embeddings(ctx, b.Student, b.Clean)
	return embedding, func(i int, act, cot []*tensor.Dense) (float64, error) {
		return squared(act[0].Float32s(), target[i], at(cot, 0), 1), nil
	}, err
}

// Trained implements [Method].
func (SimCLIP) Trained(ctx context.Context, b *Batch) (Objective, error) {
	return simCLIP(ctx, b, b.Student)
}

func simCLIP(ctx context.Context, b *Batch, student encoder.Encoder) (Objective, error) {
	n := len(b.Clean)
	images := append(append([]*tensor.Dense(nil), b.Adv...), b.Clean...)
	all, err := embeddings(ctx, student, images)
	return Objective{images, embedding, func(i int, act, cot []*tensor.Dense) (float64, error) {
		return alignment(act[0].Float32s(), all[(i+n)%(2*n)], at(cot, 0), -0.5), nil
	}}, err
}

// alignment is weight·cos(a, b), and its gradient at a.
func alignment(a, b, grad []float32, weight float64) float64 {
	u, norm := unit(a)
	v, _ := unit(b)
	cos := 0.0
	for i, x := range u {
		cos += x * v[i]
	}
	if grad != nil {
		for i := range v {
			v[i] *= weight
		}
		backUnit(grad, v, u, norm)
	}
	return weight * cos
}
