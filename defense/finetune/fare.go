package finetune

import (
	"context"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// FARE keeps the embedding of an attacked image at that of the clean one under the original encoder
// (Schlarmann et al., arXiv 2402.12336, equation 3):
//
//	min_φ Σ_x max_{‖z−x‖∞≤ε} ‖φ(z) − φ₀(x)‖²
//
// with the embedding as the encoder gives it, not normalised, and the square summed over its elements.
// It needs no labels.
type FARE struct{}

// Name implements [Method].
func (FARE) Name() string { return "fare" }

// Supervised implements [Method].
func (FARE) Supervised() bool { return false }

// Attacked implements [Method].
func (FARE) Attacked(ctx context.Context, b *Batch) ([]encoder.Tap, encoder.LossFunc, error) {
	target, err := embeddings(ctx, b.Teacher, b.Clean)
	return embedding, func(i int, act, cot []*tensor.Dense) (float64, error) {
		return squared(act[0].Float32s(), target[i], at(cot, 0), 1), nil
	}, err
}

// Trained implements [Method].
func (m FARE) Trained(ctx context.Context, b *Batch) (Objective, error) {
	taps, loss, err := m.Attacked(ctx, b)
	return Objective{b.Adv, taps, loss}, err
}

// squared is weight·‖a−b‖², and its gradient at a.
func squared(a, b, grad []float32, weight float64) float64 {
	sum := 0.0
	for i, v := range a {
		d := float64(v) - float64(b[i])
		sum += d * d
		if grad != nil {
			grad[i] = float32(2 * weight * d)
		}
	}
	return weight * sum
}
