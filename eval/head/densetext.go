package head

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
)

const kindDenseText = "densetext"

// DenseZeroShot segments an image by comparing every patch, projected into the embedding space, with text: a
// patch's score for a mask value is the largest scaled cosine among the prompts that stand for the value.
type DenseZeroShot struct {
	name string
	cfg  denseTextConfig
	proj *Projection
	text [][]float32 // unit length
}

type denseTextConfig struct {
	Layout     Layout     `json:"layout"`
	Projection Projection `json:"projection"`
	Values     []int      `json:"values"`  // mask value of each prompt
	Classes    int        `json:"classes"` // mask values are 0..Classes
	Scale      float64    `json:"scale"`
}

// NewDenseZeroShot takes one embedding per prompt, and the mask value that each prompt stands for: 0 for
// background ("a clean surface"), 1 + class for a class. Background needs at least one prompt.
func NewDenseZeroShot(name string, layout Layout, proj *Projection, text [][]float32, values []int, classes int, scale float64) (*DenseZeroShot, error) {
	h := &DenseZeroShot{name: name, proj: proj, cfg: denseTextConfig{Layout: layout, Projection: *proj, Values: values, Classes: classes, Scale: scale}}
	if err := h.validate(len(text)); err != nil {
		return nil, err
	}
	var err error
	if h.text, err = unitRows(text); err != nil {
		return nil, fmt.Errorf("head %s: text embeddings: %w", name, err)
	}
	if len(h.text[0]) != proj.Embed {
		return nil, fmt.Errorf("head %s: text embeddings of width %d for a space of %d", name, len(h.text[0]), proj.Embed)
	}
	return h, nil
}

func (h *DenseZeroShot) validate(prompts int) error {
	c := h.cfg
	if len(c.Values) != prompts || c.Classes < 1 || c.Classes > 1<<15 || !(c.Scale > 0) || math.IsInf(c.Scale, 0) {
		return fmt.Errorf("head %s: %d prompts with %d values for %d classes at scale %v", h.name, prompts, len(c.Values), c.Classes, c.Scale)
	}
	background := false
	for i, v := range c.Values {
		if v < 0 || v > c.Classes {
			return fmt.Errorf("head %s: prompt %d stands for mask value %d of %d", h.name, i, v, c.Classes)
		}
		background = background || v == 0
	}
	if !background {
		return fmt.Errorf("head %s: no prompt stands for background", h.name)
	}
	if c.Projection.Width < 1 || c.Projection.Embed < 1 {
		return fmt.Errorf("head %s: projection from %d to %d", h.name, c.Projection.Width, c.Projection.Embed)
	}
	return c.Layout.validate(h.name)
}

// Name, Task and Taps implement [Head].
func (h *DenseZeroShot) Name() string        { return h.name }
func (h *DenseZeroShot) Task() Task          { return Segmentation }
func (h *DenseZeroShot) Taps() []encoder.Tap { return []encoder.Tap{h.proj.Tap} }

// Predict implements [Head].
func (h *DenseZeroShot) Predict(in Input) (Output, error) {
	return predictMask(h, h.cfg.Layout, in)
}

// absent is the score of a mask value that no prompt stands for.
const absent = -1e9

// Scores implements [Differentiable]: patches×(1+classes) logits, background first.
func (h *DenseZeroShot) Scores(in Input) (Activation, error) {
	scores, _, _, err := h.forward(in)
	return scores, err
}

// forward also returns the patches and which prompt gave each score (−1: none).
func (h *DenseZeroShot) forward(in Input) (scores, patches Activation, prompt []int, err error) {
	patches, err = h.cfg.Layout.patches(h.name, in, 0, h.proj.Width)
	if err != nil {
		return scores, patches, nil, err
	}
	n, values := patches.Shape[0], h.cfg.Classes+1
	scores, prompt = Matrix(n, values, make([]float32, n*values)), make([]int, n*values)
	for t := range n {
		e := h.proj.apply(patches.Row(t))
		norm := norm2(e)
		if !(norm > 0) {
			return scores, patches, nil, fmt.Errorf("head %s: the projection of patch %d has length %v", h.name, t, norm)
		}
		row, from := scores.Row(t), prompt[t*values:(t+1)*values]
		for k := range row {
			row[k], from[k] = absent, -1
		}
		for i, text := range h.text {
			v := float32(h.cfg.Scale * dot(e, text) / norm)
			if k := h.cfg.Values[i]; from[k] < 0 || v > row[k] {
				row[k], from[k] = v, i
			}
		}
	}
	return scores, patches, prompt, nil
}

// VJP implements [Differentiable].
func (h *DenseZeroShot) VJP(in Input, dScores []float32) ([]Activation, error) {
	scores, patches, prompt, err := h.forward(in)
	if err != nil {
		return nil, err
	}
	if err := checkCotangent(h.name, dScores, len(scores.Data)); err != nil {
		return nil, err
	}
	values := h.cfg.Classes + 1
	d := patches.Zeros()
	for t := range patches.Shape[0] {
		v := make([]float64, h.proj.Embed)
		for k := range values {
			if i := prompt[t*values+k]; i >= 0 {
				for j, x := range h.text[i] {
					v[j] += h.cfg.Scale * float64(dScores[t*values+k]) * float64(x)
				}
			}
		}
		u, err := throughUnit(h.proj.apply(patches.Row(t)), v)
		if err != nil {
			return nil, fmt.Errorf("head %s: patch %d: %w", h.name, t, err)
		}
		for j, x := range u {
			v[j] = float64(x)
		}
		copy(d.Row(t), h.proj.vjp(patches.Row(t), v))
	}
	return []Activation{h.cfg.Layout.unpatch(in, 0, d.Data)}, nil
}

// Decisions implements [Attackable]: one choice among the mask values for each patch.
func (h *DenseZeroShot) Decisions(_ []Output, t Truth) ([]Decisions, error) {
	return ofMask(h.name, h.cfg.Layout, h.cfg.Classes+1, t)
}

func (h *DenseZeroShot) state() (*state, error) {
	s, err := newState(kindDenseText, h.name, h.cfg)
	if err != nil {
		return nil, err
	}
	h.proj.save(s)
	s.addRows("text", h.text)
	return s, nil
}

func loadDenseText(s *state) (Head, error) {
	h := &DenseZeroShot{name: s.Name}
	if err := s.config(&h.cfg); err != nil {
		return nil, err
	}
	h.proj = &h.cfg.Projection
	var err error
	if h.text, err = s.rowsOf("text", h.proj.Embed); err != nil {
		return nil, err
	}
	if err := h.validate(len(h.text)); err != nil {
		return nil, err
	}
	return h, h.proj.load(s)
}
