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
//
// A prompt such as "a surface without defects" describes whole images, and hardly any patch is near it. After
// [DenseZeroShot.Calibrate] background is what lies near the patches of good images instead: with u the unit
// projection of a patch, μ the mean of u over those images and r the radius, background's score is the best class's
// plus scale·(r − ‖u − μ‖), so that background wins within the radius and text decides among the classes outside.
type DenseZeroShot struct {
	name   string
	cfg    denseTextConfig
	proj   *Projection
	text   [][]float32 // unit length
	normal []float32   // μ; nil before calibration
}

type denseTextConfig struct {
	Layout     Layout     `json:"layout"`
	Projection Projection `json:"projection"`
	Values     []int      `json:"values"`  // mask value of each prompt
	Classes    int        `json:"classes"` // mask values are 0..Classes
	Scale      float64    `json:"scale"`
	Radius     float64    `json:"radius,omitempty"` // 0: not calibrated
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

// Calibrate returns the head with its background set from images without defects: the radius is the smallest that at
// most the share fpr of their patches lie outside of.
func (h *DenseZeroShot) Calibrate(good []Features, fpr float64) (*DenseZeroShot, error) {
	var unit [][]float32
	for i := range good {
		in, err := good[i].Input(h.Taps())
		if err != nil {
			return nil, fmt.Errorf("head %s: %w", h.name, err)
		}
		a, err := h.cfg.Layout.patches(h.name, in, 0, h.proj.Width)
		if err != nil {
			return nil, fmt.Errorf("%w (image %s)", err, good[i].Sample.ID)
		}
		for t := range a.Shape[0] {
			unit = append(unit, h.proj.apply(a.Row(t)))
		}
	}
	if !(fpr >= 0 && fpr < 1) {
		return nil, fmt.Errorf("head %s: a false-positive rate of %v", h.name, fpr)
	}
	unit, err := unitRows(unit)
	if err != nil {
		return nil, fmt.Errorf("head %s: calibrating on %d images: %w", h.name, len(good), err)
	}
	c := *h
	c.normal = make([]float32, h.proj.Embed)
	for j := range c.normal {
		var sum float64
		for _, u := range unit {
			sum += float64(u[j])
		}
		c.normal[j] = float32(sum / float64(len(unit)))
	}
	far := make([]float64, len(unit))
	for i, u := range unit {
		far[i] = math.Sqrt(squared(u, c.normal))
	}
	slices.Sort(far)
	if c.cfg.Radius = far[len(far)-1-int(fpr*float64(len(far)))]; c.cfg.Radius == 0 {
		return nil, fmt.Errorf("head %s: all patches of the %d images without defects are the same", h.name, len(good))
	}
	return &c, nil
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
	if !(c.Radius >= 0) || math.IsInf(c.Radius, 0) {
		return fmt.Errorf("head %s: radius %v", h.name, c.Radius)
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
		if h.normal != nil {
			best := 1 + argmax(row[1:])
			row[0], from[0] = row[best]+float32(h.cfg.Scale*(h.cfg.Radius-h.fromNormal(e, norm))), from[best]
		}
	}
	return scores, patches, prompt, nil
}

// fromNormal is the distance of a projection of the given length, brought to unit length, from the mean.
func (h *DenseZeroShot) fromNormal(e []float32, length float64) float64 {
	var sum float64
	for j, x := range e {
		d := float64(x)/length - float64(h.normal[j])
		sum += d * d
	}
	return math.Sqrt(sum)
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
		e := h.proj.apply(patches.Row(t))
		if n := norm2(e); h.normal != nil && n > 0 {
			if far := h.fromNormal(e, n); far > 0 {
				for j, x := range e {
					v[j] -= h.cfg.Scale * float64(dScores[t*values]) * (float64(x)/n - float64(h.normal[j])) / far
				}
			}
		}
		u, err := throughUnit(e, v)
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
	return newState(kindDenseText, h.name, h.cfg, func(s *state) {
		h.proj.save(s)
		s.addRows("text", h.text)
		if h.normal != nil {
			s.add("normal", h.normal, len(h.normal))
		}
	})
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
	if h.cfg.Radius > 0 {
		a, err := s.array("normal", h.proj.Embed)
		if err != nil {
			return nil, err
		}
		h.normal = a.data
	}
	return h, h.proj.load(s)
}
