package defense

import (
	"context"
	"errors"
	"math"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
	"github.com/plumbline-ml/plumbline/encoder"
)

// TTC is test-time counter-attack (Xing et al., CVPR 2025, and its released code): from a uniform start in the L∞ ball of
// radius Eps it ascends ‖f(x+δ) − f(x)‖² of the embedding f by Steps sign steps of Alpha. If the relative drift
// ‖f(x+δ₀) − f(x)‖/‖f(x)‖ of the start is below Tau, the image counts as falsely stable and the mean of δ₀ … δ_Steps with
// weights e^(Beta·k) is added; otherwise only the noise δ₀. x+δ stays in [0,1].
//
// The gradient takes δ as constant (BPDA): the attacker who wants more averages over draws.
type TTC struct {
	Eps   float64 // radius, [0,1] units, above 0 to 1
	Steps int     // 1…100
	Alpha float64 // step, [0,1] units
	Tau   float64 // threshold of the relative drift, 0…100
	Beta  float64 // growth of the weights, 0…100
}

var _ = register("ttc", "ttc(eps=4/255,steps=2,alpha=1/255,tau=0.2,beta=2): test-time counter-attack (CVPR 2025)",
	func(a *expr.Args, _ Resources) (Defense, error) {
		return TTC{a.Number("eps", 4.0/255), a.Integer("steps", 2), a.Number("alpha", 1.0/255), a.Number("tau", 0.2), a.Number("beta", 2)}, nil
	})

// Name and the rest implement [Defense].
func (TTC) Name() string         { return "ttc" }
func (t TTC) String() string     { return expr.Print("ttc", t.Eps, t.Steps, t.Alpha, t.Tau, t.Beta) }
func (TTC) Random() bool         { return true }
func (TTC) Differentiable() bool { return false }
func (TTC) Surrogate() Surrogate { return Identity }

// Validate reports a parameter out of range.
func (t TTC) Validate() error {
	return errors.Join(expr.Outside("ttc", "eps", t.Eps, 1e-6, 1), expr.Outside("ttc", "steps", float64(t.Steps), 1, 100),
		expr.Outside("ttc", "alpha", t.Alpha, 1e-6, 1), expr.Outside("ttc", "tau", t.Tau, 0, 100), expr.Outside("ttc", "beta", t.Beta, 0, 100))
}

// Wrap needs an encoder with an embedding.
func (t TTC) Wrap(e encoder.Encoder, s Stream) (encoder.Encoder, error) {
	if err := errors.Join(t.Validate(), needsEmbedding("ttc", e, 0)); err != nil {
		return nil, err
	}
	return newDynamic(e, s, t.String(), t.views), nil
}

func (t TTC) views(ctx context.Context, e encoder.Encoder, src []Picture, s Stream) ([][]View, error) {
	ref, err := embeddings(ctx, e, src)
	if err != nil {
		return nil, err
	}
	delta, sum := make([][]float64, len(src)), make([][]float64, len(src))
	for b, p := range src {
		delta[b] = t.start(p, s)
		sum[b] = make([]float64, len(p.Pix))
	}
	stable := make([]bool, len(src))
	for k := range t.Steps + 1 {
		last := k == t.Steps
		var grads [][]float32
		var drift []float64
		if !last {
			if grads, drift, err = ascent(ctx, e, moved(src, delta), ref); err != nil {
				return nil, err
			}
		}
		for b, p := range src {
			if k == 0 {
				stable[b] = drift[b] < t.Tau
			}
			t.collect(sum[b], delta[b], k, stable[b])
			if !last {
				step(delta[b], p.Pix, grads[b], t.Alpha, t.Eps)
			}
		}
	}
	out := make([][]View, len(src))
	for b, p := range moved(src, sum) {
		out[b] = []View{{Picture: p}}
	}
	return out, nil
}

// start draws δ₀ and keeps x+δ₀ inside [0,1].
func (t TTC) start(p Picture, s Stream) []float64 {
	rng := s.Rand(t.String(), p)
	d := make([]float64, len(p.Pix))
	for i, v := range p.Pix {
		d[i] = insideBox((2*rng.Float64()-1)*t.Eps, v)
	}
	return d
}

// collect adds δ_k with its share of the weights.
func (t TTC) collect(sum, delta []float64, k int, stable bool) {
	share := 0.0
	if stable {
		total := 0.0
		for j := range t.Steps + 1 {
			total += math.Exp(t.Beta * float64(j-t.Steps))
		}
		share = math.Exp(t.Beta*float64(k-t.Steps)) / total
	} else if k == 0 {
		share = 1
	}
	for i, d := range delta {
		sum[i] += share * d
	}
}

// insideBox moves d so that x+d lies in [0,1] if x does.
func insideBox(d float64, x float32) float64 {
	return min(max(d, -float64(x)), 1-float64(x))
}

// step ascends by the sign of g, within eps and the box.
func step(delta []float64, x, g []float32, alpha, eps float64) {
	for i := range delta {
		d := delta[i]
		if g[i] != 0 {
			d += math.Copysign(alpha, float64(g[i]))
		}
		delta[i] = insideBox(min(max(d, -eps), eps), x[i])
	}
}

// moved returns src + delta.
func moved(src []Picture, delta [][]float64) []Picture {
	out := make([]Picture, len(src))
	for b, p := range src {
		out[b] = p.like()
		for i, v := range p.Pix {
			out[b].Pix[i] = float32(float64(v) + delta[b][i])
		}
	}
	return out
}

// ascent returns the gradients at the pictures of ‖f − ref‖², and the relative drifts ‖f − ref‖/‖ref‖.
func ascent(ctx context.Context, e encoder.Encoder, at []Picture, ref [][]float32) (grads [][]float32, drift []float64, err error) {
	cot := func(b int, z []float32) []float32 {
		c := make([]float32, len(z))
		num, den := 0.0, 0.0
		for i, v := range z {
			d := float64(v) - float64(ref[b][i])
			c[i] = float32(2 * d)
			num += d * d
			den += float64(ref[b][i]) * float64(ref[b][i])
		}
		drift = append(drift, math.Sqrt(num/den))
		return c
	}
	grads, err = embeddingGradients(ctx, e, at, cot)
	return grads, drift, err
}
