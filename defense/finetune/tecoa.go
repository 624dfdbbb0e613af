package finetune

import (
	"context"
	"math"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// logitScale is the factor on cosines, that of the published CLIP models.
const logitScale = 100

// TeCoA is adversarial training of the zero-shot classifier (Mao et al., arXiv 2212.07016, equation 3):
//
//	min_φ Σ max_{‖z−x‖∞≤ε} CE(100·cos(φ(z), t_c), y)
//
// with t_c the original text embedding of class c.
type TeCoA struct{}

// Name implements [Method].
func (TeCoA) Name() string { return "tecoa" }

// Supervised implements [Method].
func (TeCoA) Supervised() bool { return true }

// Attacked implements [Method].
func (TeCoA) Attacked(_ context.Context, b *Batch) ([]encoder.Tap, encoder.LossFunc, error) {
	return embedding, func(i int, act, cot []*tensor.Dense) (float64, error) {
		c := classify(act[0].Float32s(), b.Text)
		d := make([]float64, len(c.logp))
		for k, l := range c.logp {
			d[k] = math.Exp(l)
		}
		d[b.Labels[i]]--
		c.back(d, at(cot, 0))
		return -c.logp[b.Labels[i]], nil
	}, nil
}

// Trained implements [Method].
func (m TeCoA) Trained(ctx context.Context, b *Batch) (Objective, error) {
	taps, loss, err := m.Attacked(ctx, b)
	return Objective{b.Adv, taps, loss}, err
}

// classification is a zero-shot prediction.
type classification struct {
	logp []float64 // log-probabilities
	unit []float64 // normalised embedding
	norm float64
	text [][]float32
}

// classify compares an embedding with the unit text embeddings of the classes.
func classify(embedding []float32, text [][]float32) classification {
	c := classification{text: text}
	c.unit, c.norm = unit(embedding)
	c.logp = make([]float64, len(text))
	for k, t := range text {
		for i, v := range t {
			c.logp[k] += logitScale * c.unit[i] * float64(v)
		}
	}
	logSoftmax(c.logp)
	return c
}

// back takes the gradient at the logits to the embedding; grad may be nil.
func (c classification) back(dLogits []float64, grad []float32) {
	if grad == nil {
		return
	}
	d := make([]float64, len(c.unit))
	for k, t := range c.text {
		for i, v := range t {
			d[i] += logitScale * dLogits[k] * float64(v)
		}
	}
	backUnit(grad, d, c.unit, c.norm)
}

// unit is x/‖x‖ and ‖x‖.
func unit(x []float32) ([]float64, float64) {
	norm := 0.0
	for _, v := range x {
		norm += float64(v) * float64(v)
	}
	norm = max(math.Sqrt(norm), 1e-12)
	u := make([]float64, len(x))
	for i, v := range x {
		u[i] = float64(v) / norm
	}
	return u, norm
}

// backUnit takes the gradient d at u = x/‖x‖ to x.
func backUnit(grad []float32, d, u []float64, norm float64) {
	along := 0.0
	for i, v := range d {
		along += v * u[i]
	}
	for i, v := range d {
		grad[i] = float32((v - along*u[i]) / norm)
	}
}

// logSoftmax turns logits into log-probabilities.
func logSoftmax(z []float64) {
	top := math.Inf(-1)
	for _, v := range z {
		top = max(top, v)
	}
	sum := 0.0
	for _, v := range z {
		sum += math.Exp(v - top)
	}
	for i := range z {
		z[i] -= top + math.Log(sum)
	}
}
