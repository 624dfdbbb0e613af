package head

import (
	"errors"
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
)

// ZeroShot classifies an image by the cosine of its embedding with one text embedding per class, times
// the logit scale (Radford et al., arXiv 2103.00020, §3.1): logit k = s·⟨e/‖e‖, t_k⟩.
type ZeroShot struct {
	name  string
	tap   encoder.Tap
	text  [][]float32 // unit length
	scale float64
}

// NewZeroShot builds the head from class directions, which it scales to unit length. scale is the
// model's own logit scale, already exponentiated (100 for OpenAI's CLIP); it must be positive.
func NewZeroShot(name string, text [][]float32, scale float64) (*ZeroShot, error) {
	if !(scale > 0) || math.IsInf(scale, 0) {
		return nil, fmt.Errorf("head %s: logit scale %v is not a positive number", name, scale)
	}
	unit, err := unitRows(text)
	if err != nil {
		return nil, fmt.Errorf("head %s: text embeddings: %w", name, err)
	}
	return &ZeroShot{name: name, tap: encoder.Embedding, text: unit, scale: scale}, nil
}

// Name, Task and Taps implement [Head].
func (z *ZeroShot) Name() string        { return z.name }
func (z *ZeroShot) Task() Task          { return Classification }
func (z *ZeroShot) Taps() []encoder.Tap { return []encoder.Tap{z.tap} }

// Predict implements [Head].
func (z *ZeroShot) Predict(in Input) (Output, error) {
	s, err := z.Scores(in)
	if err != nil {
		return Output{}, err
	}
	return classified(s.Data), nil
}

// Scores implements [Differentiable]: one logit per class.
func (z *ZeroShot) Scores(in Input) (Activation, error) {
	e, err := in.vector(z.name, 0, len(z.text[0]))
	if err != nil {
		return Activation{}, err
	}
	norm := norm2(e)
	if !(norm > 0) {
		return Activation{}, fmt.Errorf("head %s: the embedding has length %v", z.name, norm)
	}
	out := make([]float32, len(z.text))
	for k, t := range z.text {
		out[k] = float32(z.scale * dot(e, t) / norm)
	}
	return Vector(out), nil
}

// VJP implements [Differentiable]: de = s/‖e‖·(v − ⟨v,u⟩u) with v = Σ_k d_k·t_k and u = e/‖e‖.
func (z *ZeroShot) VJP(in Input, dScores []float32) ([]Activation, error) {
	e, err := in.vector(z.name, 0, len(z.text[0]))
	if err != nil {
		return nil, err
	}
	if len(dScores) != len(z.text) {
		return nil, fmt.Errorf("head %s: cotangent of %d numbers for %d classes", z.name, len(dScores), len(z.text))
	}
	v := make([]float64, len(e))
	for k, t := range z.text {
		for i, x := range t {
			v[i] += z.scale * float64(dScores[k]) * float64(x)
		}
	}
	d, err := throughUnit(e, v)
	if err != nil {
		return nil, fmt.Errorf("head %s: %w", z.name, err)
	}
	return []Activation{Vector(d)}, nil
}

// classified fills the label from the scores; ties go to the lower index.
func classified(scores []float32) Output { return Output{Label: argmax(scores), Scores: scores} }

// throughUnit pulls the cotangent v of x/‖x‖ back to x.
func throughUnit(x []float32, v []float64) ([]float32, error) {
	n := norm2(x)
	if !(n > 0) {
		return nil, fmt.Errorf("a vector of length %v has no direction", n)
	}
	var vu float64
	for i := range x {
		vu += v[i] * float64(x[i]) / n
	}
	d := make([]float32, len(x))
	for i := range x {
		d[i] = float32((v[i] - vu*float64(x[i])/n) / n)
	}
	return d, nil
}

// unitRows copies rows scaled to unit length; all must have the same length and be finite and non-zero.
func unitRows(rows [][]float32) ([][]float32, error) {
	if len(rows) == 0 || len(rows[0]) == 0 {
		return nil, errors.New("none given")
	}
	out := make([][]float32, len(rows))
	for i, r := range rows {
		if len(r) != len(rows[0]) {
			return nil, fmt.Errorf("row %d has %d numbers, row 0 has %d", i, len(r), len(rows[0]))
		}
		n := norm2(r)
		if !(n > 0) || math.IsInf(n, 0) {
			return nil, fmt.Errorf("row %d has length %v", i, n)
		}
		out[i] = make([]float32, len(r))
		for j, x := range r {
			out[i][j] = float32(float64(x) / n)
		}
	}
	return out, nil
}
