package head

import (
	"fmt"
	"math"
	"slices"

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
	Offset     float64    `json:"offset"` // added to the background's score
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

// Calibrated returns the head adapted, without labels, to what its patches look like: projections and prompts
// are taken relative to their means over these images and over the prompts, since patch tokens share a large
// component that no prompt explains, and background's score is raised until all but the given share of the
// patches are background.
func (h *DenseZeroShot) Calibrated(feats []Features, share float64) (*DenseZeroShot, error) {
	if !(share > 0 && share < 1) {
		return nil, fmt.Errorf("head %s: share %v of defective patches", h.name, share)
	}
	var count float64
	mean := make([]float64, h.proj.Embed)
	err := h.eachPatch(feats, func(x []float32) {
		for j, v := range h.proj.apply(x) {
			mean[j] += float64(v)
		}
		count++
	})
	if err != nil {
		return nil, err
	}
	c := *h
	p := *h.proj
	p.matrix.b = clone(p.matrix.b)
	for j := range mean {
		p.matrix.b[j] -= float32(mean[j] / count)
	}
	c.proj, c.cfg.Projection, c.cfg.Offset = &p, p, 0
	if c.text, err = unitRows(centredRows(h.text)); err != nil {
		return nil, fmt.Errorf("head %s: prompts relative to their mean: %w", h.name, err)
	}
	var leads []float64
	for i := range feats {
		in, err := feats[i].Input(c.Taps())
		if err != nil {
			return nil, fmt.Errorf("head %s: %w", h.name, err)
		}
		s, err := c.Scores(in)
		if err != nil {
			return nil, err
		}
		for t := range s.Shape[0] {
			row := s.Row(t)
			leads = append(leads, float64(row[1+argmax(row[1:])]-row[0]))
		}
	}
	slices.Sort(leads)
	c.cfg.Offset = leads[min(int(float64(len(leads))*(1-share)), len(leads)-1)]
	return &c, nil
}

func (h *DenseZeroShot) eachPatch(feats []Features, f func(x []float32)) error {
	for i := range feats {
		in, err := feats[i].Input(h.Taps())
		if err != nil {
			return fmt.Errorf("head %s: %w", h.name, err)
		}
		a, err := h.cfg.Layout.patches(h.name, in, 0, h.proj.Width)
		if err != nil {
			return err
		}
		for t := range a.Shape[0] {
			f(a.Row(t))
		}
	}
	return nil
}

// centredRows takes the rows' mean out of each.
func centredRows(rows [][]float32) [][]float32 {
	mean := make([]float64, len(rows[0]))
	for _, r := range rows {
		for j, v := range r {
			mean[j] += float64(v) / float64(len(rows))
		}
	}
	out := make([][]float32, len(rows))
	for i, r := range rows {
		out[i] = make([]float32, len(r))
		for j, v := range r {
			out[i][j] = float32(float64(v) - mean[j])
		}
	}
	return out
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
		row[0] += float32(h.cfg.Offset)
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
