package defense

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
	"github.com/plumbline-ml/plumbline/encoder"
)

// AntiAdversary moves the image towards the class it is already given (Alfarra et al., "Combating adversaries with
// anti-adversaries", AAAI 2022, arXiv 2103.14347, algorithm 1): from γ = 0, Steps times γ ← γ − Alpha·sign ∇ CE(g(x+γ), ŷ)
// with ŷ = argmax g(x). g is the zero-shot classifier 100·cos(f(x), text). x+γ stays in [0,1].
//
// The gradient takes γ as constant (BPDA).
type AntiAdversary struct {
	Steps int     // 1…100
	Alpha float64 // step, [0,1] units
	text  [][]float64
}

var _ = register("anti-adversary", "anti-adversary(steps=2,alpha=0.15): steps towards the predicted class (arXiv 2103.14347); needs class texts",
	func(a *expr.Args, r Resources) (Defense, error) {
		return NewAntiAdversary(r.Classes, a.Integer("steps", 2), a.Number("alpha", 0.15))
	})

// textScale is CLIP's logit scale.
const textScale = 100

// NewAntiAdversary takes the text embeddings of the classes, two or more of equal width.
func NewAntiAdversary(classes [][]float32, steps int, alpha float64) (*AntiAdversary, error) {
	d := &AntiAdversary{Steps: steps, Alpha: alpha}
	if err := d.Validate(); err != nil {
		return nil, err
	}
	if len(classes) < 2 {
		return nil, fmt.Errorf("defense: anti-adversary: %d class texts, want two or more (Resources.Classes)", len(classes))
	}
	for i, c := range classes {
		u, ok := unit(c)
		if !ok || len(c) != len(classes[0]) {
			return nil, fmt.Errorf("defense: anti-adversary: text embedding of class %d has %d values, want %d finite ones, not all zero", i, len(c), len(classes[0]))
		}
		d.text = append(d.text, u)
	}
	return d, nil
}

// unit returns v at length one; ok is false if that has no meaning.
func unit(v []float32) (u []float64, ok bool) {
	s := 0.0
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	if !(s > 0) || math.IsInf(s, 0) {
		return nil, false
	}
	u = make([]float64, len(v))
	for i, x := range v {
		u[i] = float64(x) / math.Sqrt(s)
	}
	return u, true
}

// Name and the rest implement [Defense].
func (*AntiAdversary) Name() string         { return "anti-adversary" }
func (d *AntiAdversary) String() string     { return expr.Print("anti-adversary", d.Steps, d.Alpha) }
func (*AntiAdversary) Random() bool         { return false }
func (*AntiAdversary) Differentiable() bool { return false }
func (*AntiAdversary) Surrogate() Surrogate { return Identity }

// Validate reports a parameter out of range.
func (d *AntiAdversary) Validate() error {
	return errors.Join(expr.Outside("anti-adversary", "steps", float64(d.Steps), 1, 100), expr.Outside("anti-adversary", "alpha", d.Alpha, 1e-6, 1))
}

// Wrap needs an encoder whose embedding is as wide as the texts'.
func (d *AntiAdversary) Wrap(e encoder.Encoder, s Stream) (encoder.Encoder, error) {
	if len(d.text) == 0 {
		return nil, errors.New("defense: anti-adversary: no class texts: make it with NewAntiAdversary")
	}
	if err := errors.Join(d.Validate(), needsEmbedding("anti-adversary", e, len(d.text[0]))); err != nil {
		return nil, err
	}
	return newDynamic(e, s, d.String(), d.views), nil
}

func (d *AntiAdversary) views(ctx context.Context, e encoder.Encoder, src []Picture, _ Stream) ([][]View, error) {
	gamma, label := make([][]float64, len(src)), make([]int, len(src))
	for b, p := range src {
		gamma[b] = make([]float64, len(p.Pix))
		label[b] = -1
	}
	for range d.Steps {
		grads, err := embeddingGradients(ctx, e, moved(src, gamma), func(b int, z []float32) []float32 {
			logits := d.logits(z)
			if label[b] < 0 {
				label[b] = argmax(logits)
			}
			return d.gradient(z, logits, label[b])
		})
		if err != nil {
			return nil, err
		}
		for b, p := range src {
			step(gamma[b], p.Pix, grads[b], d.Alpha, 1) // ascends the log-likelihood of the label
		}
	}
	out := make([][]View, len(src))
	for b, p := range moved(src, gamma) {
		out[b] = []View{{Picture: p}}
	}
	return out, nil
}

func (d *AntiAdversary) logits(z []float32) []float64 {
	out := make([]float64, len(d.text))
	u, ok := unit(z)
	if !ok {
		return out
	}
	for k, t := range d.text {
		for i, v := range t {
			out[k] += textScale * v * u[i]
		}
	}
	return out
}

// gradient returns ∂/∂z of logit_y − log Σ_{k≠y} e^logit_k, which is ∂ log softmax(logits)_y / ∂z divided by 1 − p_y: only
// its signs count, and the label is often so certain that the derivative itself would underflow.
func (d *AntiAdversary) gradient(z []float32, logits []float64, y int) []float32 {
	g := make([]float32, len(z))
	u, ok := unit(z)
	if !ok {
		return g
	}
	norm := math.Sqrt(sumSquares(z))
	others := slices.Clone(logits)
	others[y] = math.Inf(-1)
	p := softmax(others)
	at := make([]float64, len(z)) // gradient at u
	for k, t := range d.text {
		w := -p[k]
		if k == y {
			w = 1
		}
		for i, v := range t {
			at[i] += textScale * w * v
		}
	}
	radial := 0.0
	for i, v := range at {
		radial += v * u[i]
	}
	for i, v := range at {
		g[i] = float32((v - radial*u[i]) / norm)
	}
	return g
}

func sumSquares(v []float32) float64 {
	s := 0.0
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	return s
}

func argmax(v []float64) int {
	best := 0
	for i, x := range v {
		if x > v[best] {
			best = i
		}
	}
	return best
}

func softmax(v []float64) []float64 {
	top := v[argmax(v)]
	out := make([]float64, len(v))
	s := 0.0
	for i, x := range v {
		out[i] = math.Exp(x - top)
		s += out[i]
	}
	for i := range out {
		out[i] /= s
	}
	return out
}
