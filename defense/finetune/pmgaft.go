package finetune

import (
	"context"
	"math"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// PMGAFT is TeCoA guided by the original model (Wang et al., arXiv 2401.04350, equations 5 to 8): the
// images are attacked as in TeCoA, and the loss adds two divergences of equal weight,
//
//	CE(P(z), y) + KL(P₀(z) ‖ P(z)) + KL(P(x) ‖ P(z)),
//
// with P the zero-shot distribution of the encoder in training and P₀ that of the original. P(x) counts
// as given: no gradient flows through it.
type PMGAFT struct{}

// Name implements [Method].
func (PMGAFT) Name() string { return "pmg-aft" }

// Supervised implements [Method].
func (PMGAFT) Supervised() bool { return true }

// Attacked implements [Method].
func (PMGAFT) Attacked(ctx context.Context, b *Batch) ([]encoder.Tap, encoder.LossFunc, error) {
	return TeCoA{}.Attacked(ctx, b)
}

// Trained implements [Method].
func (PMGAFT) Trained(ctx context.Context, b *Batch) (Objective, error) {
	return pmgAFT(ctx, b, b.Student)
}

func pmgAFT(ctx context.Context, b *Batch, student encoder.Encoder) (Objective, error) {
	original, err := embeddings(ctx, b.Teacher, b.Adv)
	if err != nil {
		return Objective{}, err
	}
	clean, err := embeddings(ctx, student, b.Clean)
	return Objective{b.Adv, embedding, func(i int, act, cot []*tensor.Dense) (float64, error) {
		c := classify(act[0].Float32s(), b.Text)
		d := make([]float64, len(c.logp))
		loss := -c.logp[b.Labels[i]]
		d[b.Labels[i]]--
		for _, guide := range [][]float32{original[i], clean[i]} {
			for k, q := range classify(guide, b.Text).logp {
				p := math.Exp(q)
				loss += p * (q - c.logp[k])
				d[k] -= p
			}
		}
		for k, l := range c.logp { // each of the three distributions sums to 1
			d[k] += 3 * math.Exp(l)
		}
		c.back(d, at(cot, 0))
		return loss, nil
	}}, err
}
