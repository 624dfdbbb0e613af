package finetune

import (
	"context"
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// TokenFARE is our own: FARE for every token of every layer. Where FARE protects the pooled embedding,
// PRM and the heads that segment and detect live on the tokens, so both are held, each with half the
// weight:
//
//	1/L Σ_l mean_i ‖f_l(z)_i − f⁰_l(x)_i‖² / mean_i ‖f⁰_l(x)_i‖²  +  ‖φ(z) − φ₀(x)‖² / ‖φ₀(x)‖²
//
// over the L layers, which are the stem and the output of every block, patch tokens i, and the embedding
// where there is one. The division makes layers of different scale count alike. The adversary takes turns:
// in even steps it is PRM (Hu et al., arXiv 2403.12693) against the tokens of the original, which minimises
// Σ_l mean_i cos(f_l(z)_i, f⁰_l(x)_i), in odd steps FARE's, which drives the embedding away.
type TokenFARE struct{}

// Name implements [Method].
func (TokenFARE) Name() string { return "tokenfare" }

// Supervised implements [Method].
func (TokenFARE) Supervised() bool { return false }

// Attacked implements [Method].
func (TokenFARE) Attacked(ctx context.Context, b *Batch) ([]encoder.Tap, encoder.LossFunc, error) {
	if b.Step%2 == 1 && b.Student.Spec().Embedding > 0 {
		return FARE{}.Attacked(ctx, b)
	}
	return tokenPRM(ctx, b, b.Student.Spec())
}

func tokenPRM(ctx context.Context, b *Batch, spec encoder.Spec) ([]encoder.Tap, encoder.LossFunc, error) {
	taps := spec.Layers()
	if len(taps) < 2 {
		return nil, nil, fmt.Errorf("finetune: %s has no blocks whose tokens could be held", spec.Name)
	}
	target, err := activations(ctx, b.Teacher, b.Clean, taps)
	return taps, func(i int, act, cot []*tensor.Dense) (float64, error) {
		sum := 0.0
		for l := range taps {
			t := tokensOf(act[l], 0)
			g := at(cot, l)
			for lo := t.lo; lo < t.hi; lo += t.width {
				sum += alignment(t.row(act[l].Float32s(), lo), t.row(target[i][l].Float32s(), lo), t.row(g, lo), -1/float64(t.n()))
			}
		}
		return sum, nil
	}, err
}

// Trained implements [Method].
func (TokenFARE) Trained(ctx context.Context, b *Batch) (Objective, error) {
	return tokenFARE(ctx, b, b.Student.Spec())
}

func tokenFARE(ctx context.Context, b *Batch, spec encoder.Spec) (Objective, error) {
	taps := spec.Layers()
	layers := float64(len(taps))
	if spec.Embedding > 0 {
		taps = append(taps, encoder.Embedding)
	}
	target, err := activations(ctx, b.Teacher, b.Clean, taps)
	return Objective{b.Adv, taps, func(i int, act, cot []*tensor.Dense) (float64, error) {
		sum := 0.0
		for l := range taps {
			t := tokensOf(act[l], spec.Prefix())
			g := at(cot, l)
			clear(g)
			x, y := act[l].Float32s()[t.lo:t.hi], target[i][l].Float32s()[t.lo:t.hi]
			size := 0.0
			for _, v := range y {
				size += float64(v) * float64(v)
			}
			if g != nil {
				g = g[t.lo:t.hi]
			}
			if taps[l] != encoder.Embedding {
				size *= layers
			}
			sum += squared(x, y, g, 1/math.Max(size, 1e-12))
		}
		return sum, nil
	}}, err
}

// tokens is the part of an activation that holds the tokens to look at, as rows of width numbers.
type tokens struct{ lo, hi, width int }

// tokensOf leaves out the first tokens of a sequence; an embedding or a map of channels is one token.
func tokensOf(act *tensor.Dense, prefix int) tokens {
	s := act.Shape()
	if len(s) == 3 {
		return tokens{prefix * s[2], s[1] * s[2], s[2]}
	}
	return tokens{0, act.Size(), act.Size()}
}

func (t tokens) n() int { return (t.hi - t.lo) / t.width }

// row is the token that begins at lo; nil stays nil.
func (t tokens) row(x []float32, lo int) []float32 {
	if x == nil {
		return nil
	}
	return x[lo : lo+t.width]
}
