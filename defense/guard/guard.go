// Package guard changes what a classifier shows of its scores: rounding, top-k, temperature, noise. Such output guards
// answer membership inference and score-based black-box attacks (Shokri et al., arXiv 1610.05820 §VIII); they change no
// label, and so do nothing against attacks that read labels only (Choquette-Choo et al., arXiv 2007.14321; HopSkipJump;
// RayS). Measure them with both kinds.
package guard

import (
	"context"
	"fmt"
	"math"
	"strings"

	"gorgonia.org/tensor"
)

// Scorer gives every picture one row of class scores, logits unless it says otherwise, all rows of one width. Row i may
// depend on image i only.
type Scorer interface {
	Scores(ctx context.Context, images []*tensor.Dense) ([][]float64, error)
}

// ScorerFunc is a function as a Scorer.
type ScorerFunc func(ctx context.Context, images []*tensor.Dense) ([][]float64, error)

// Scores calls f.
func (f ScorerFunc) Scores(ctx context.Context, images []*tensor.Dense) ([][]float64, error) {
	return f(ctx, images)
}

// Guard changes one row of scores. It keeps the argmax but for ties (the first of equal scores wins; see [Answer]).
type Guard interface {
	// String is the expression that Parse rebuilds the guard from.
	fmt.Stringer
	// Apply changes row in place. Its randomness depends on seed and row alone, so that asking again tells nothing new.
	Apply(row []float64, seed uint64)
}

// Chain applies guards in order.
type Chain []Guard

func (c Chain) String() string {
	parts := make([]string, len(c))
	for i, g := range c {
		parts[i] = g.String()
	}
	return strings.Join(parts, "+")
}

// Apply applies every guard.
func (c Chain) Apply(row []float64, seed uint64) {
	for _, g := range c {
		g.Apply(row, seed)
	}
}

// Answer is what a guarded classifier shows of one picture.
type Answer struct {
	Label  int       `json:"label"` // argmax of the scores before the guard: rounding may tie it with others
	Scores []float64 `json:"scores"`
}

// Guarded is a scorer behind a guard.
type Guarded struct {
	inner Scorer
	guard Guard
	seed  uint64
}

var _ Scorer = (*Guarded)(nil)

// Wrap puts g behind s.
func Wrap(s Scorer, g Guard, seed uint64) *Guarded { return &Guarded{s, g, seed} }

// Answers returns the label and the guarded scores of every picture. A score that is no number is an error that names the
// picture: no guard has a meaning for it.
func (w *Guarded) Answers(ctx context.Context, images []*tensor.Dense) ([]Answer, error) {
	rows, err := w.inner.Scores(ctx, images)
	if err != nil {
		return nil, err
	}
	if len(rows) != len(images) {
		return nil, fmt.Errorf("guard: %d rows of scores for %d images", len(rows), len(images))
	}
	out := make([]Answer, len(rows))
	for i, row := range rows {
		for k, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("guard: image %d: the score of class %d is %g", i, k, v)
			}
		}
		if len(row) == 0 {
			return nil, fmt.Errorf("guard: image %d: no scores", i)
		}
		shown := append([]float64(nil), row...)
		w.guard.Apply(shown, w.seed)
		out[i] = Answer{argmax(row), shown}
	}
	return out, nil
}

// Scores returns the guarded scores alone.
func (w *Guarded) Scores(ctx context.Context, images []*tensor.Dense) ([][]float64, error) {
	answers, err := w.Answers(ctx, images)
	if err != nil {
		return nil, err
	}
	out := make([][]float64, len(answers))
	for i, a := range answers {
		out[i] = a.Scores
	}
	return out, nil
}

// argmax returns the first largest index.
func argmax(row []float64) int {
	best := 0
	for i, v := range row {
		if v > row[best] {
			best = i
		}
	}
	return best
}
