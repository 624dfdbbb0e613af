package finetune

import (
	"context"
	"math/rand/v2"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// Jacobian keeps the embeddings of clean images and makes them change less with the pixels:
//
//	‖φ(x) − φ₀(x)‖² + λ·‖(φ(x+h·u) − φ(x))/h‖²
//
// with u a random vector of ±1 for every image and step. The second term is a forward difference of
// ‖J·u‖², whose mean over u is the squared Frobenius norm of the Jacobian J = ∂φ/∂x: the penalty of
// Hoffman, Roberts and Yaida (arXiv 1908.02729, equations 5 to 8) with the projection on the side of the
// pixels, which needs no second derivatives. Pixels that would leave [0,1] move inwards instead.
type Jacobian struct{}

const (
	jacobianWeight = 0.01      // λ, as in their experiments
	jacobianStep   = 1.0 / 255 // h
)

// Name implements [Method].
func (Jacobian) Name() string { return "jacobian" }

// Supervised implements [Method].
func (Jacobian) Supervised() bool { return false }

// Attacked implements [Method]: there is no attack.
func (Jacobian) Attacked(context.Context, *Batch) ([]encoder.Tap, encoder.LossFunc, error) {
	return nil, nil, nil
}

// Trained implements [Method].
func (Jacobian) Trained(ctx context.Context, b *Batch) (Objective, error) {
	return jacobian(ctx, b, b.Student)
}

func jacobian(ctx context.Context, b *Batch, student encoder.Encoder) (Objective, error) {
	n := len(b.Clean)
	images := append([]*tensor.Dense(nil), b.Clean...)
	for i, x := range b.Clean {
		images = append(images, nudged(x, rand.New(rand.NewPCG(b.Seed^0x6a61636f6269, uint64(b.Step)<<20|uint64(i)))))
	}
	target, err := embeddings(ctx, b.Teacher, b.Clean)
	if err != nil {
		return Objective{}, err
	}
	all, err := embeddings(ctx, student, images)
	return Objective{images, embedding, func(i int, act, cot []*tensor.Dense) (float64, error) {
		const weight = jacobianWeight / (jacobianStep * jacobianStep)
		grad := at(cot, 0)
		if i >= n { // the loss is counted at the image that was not moved
			squared(act[0].Float32s(), all[i-n], grad, weight)
			return 0, nil
		}
		loss := squared(act[0].Float32s(), target[i], grad, 1)
		slope := make([]float32, len(target[i]))
		loss += squared(act[0].Float32s(), all[i+n], slope, weight)
		for k, v := range slope {
			if grad != nil {
				grad[k] += v
			}
		}
		return loss, nil
	}}, err
}

// nudged moves every pixel by the step in a random direction.
func nudged(x *tensor.Dense, rng *rand.Rand) *tensor.Dense {
	y := x.Clone().(*tensor.Dense)
	data := y.Float32s()
	for i, v := range data {
		d := float32(jacobianStep)
		if rng.Uint64()&1 == 0 {
			d = -d
		}
		if v+d < 0 || v+d > 1 {
			d = -d
		}
		data[i] = v + d
	}
	return y
}
