package head

import (
	"errors"
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
)

const kindCosine = "cosine"

// Cosine classifies an image by the cosine of its feature vector with one direction per class, times a scale:
// logit k = s·⟨x/‖x‖, t_k⟩. With text embeddings it is CLIP's zero-shot classifier (Radford et al., arXiv
// 2103.00020, §3.1), with the mean feature of each class a prototype classifier (Snell et al., arXiv
// 1703.05175, with cosine for distance).
type Cosine struct {
	name string
	cfg  cosineConfig
	dirs [][]float32 // unit length
}

type cosineConfig struct {
	Source Source  `json:"source"`
	Scale  float64 `json:"scale"`
}

// NewZeroShot builds the head from one text embedding per class, which it scales to unit length. scale is the
// model's own logit scale, already exponentiated (100 for OpenAI's CLIP); it must be positive.
func NewZeroShot(name string, text [][]float32, scale float64) (*Cosine, error) {
	width := 0
	if len(text) > 0 {
		width = len(text[0])
	}
	return newCosine(name, Source{Tap: encoder.Embedding, Width: width}, text, scale)
}

// prototypeScale makes the scores of prototypes comparable with CLIP's logits; it does not change the class
// chosen.
const prototypeScale = 100

// NewPrototypes builds the head from the mean unit-length feature of each class 0..classes-1. Every class needs
// at least one image.
func NewPrototypes(name string, src Source, feats []Features, classes int) (*Cosine, error) {
	rows, err := src.rows(name, feats)
	if err != nil {
		return nil, err
	}
	means := make([][]float32, classes)
	for k := range means {
		means[k] = make([]float32, src.Width)
	}
	for i, r := range rows {
		k := feats[i].Sample.Label
		if k < 0 || k >= classes {
			return nil, fmt.Errorf("head %s: image %s has class %d of %d", name, feats[i].Sample.ID, k, classes)
		}
		n := norm2(r)
		for j, v := range r {
			means[k][j] += float32(float64(v) / n)
		}
	}
	return newCosine(name, src, means, prototypeScale)
}

func newCosine(name string, src Source, dirs [][]float32, scale float64) (*Cosine, error) {
	if !(scale > 0) || math.IsInf(scale, 0) {
		return nil, fmt.Errorf("head %s: logit scale %v is not a positive number", name, scale)
	}
	unit, err := unitRows(dirs)
	if err != nil {
		return nil, fmt.Errorf("head %s: class directions: %w", name, err)
	}
	if err := src.validate(name); err != nil {
		return nil, err
	}
	if len(unit[0]) != src.Width {
		return nil, fmt.Errorf("head %s: class directions of width %d for features of width %d", name, len(unit[0]), src.Width)
	}
	return &Cosine{name: name, cfg: cosineConfig{src, scale}, dirs: unit}, nil
}

// Name, Task and Taps implement [Head].
func (c *Cosine) Name() string        { return c.name }
func (c *Cosine) Task() Task          { return Classification }
func (c *Cosine) Taps() []encoder.Tap { return []encoder.Tap{c.cfg.Source.Tap} }

// Predict implements [Head].
func (c *Cosine) Predict(in Input) (Output, error) { return predictClass(c, in) }

// Scores implements [Differentiable]: one logit per class.
func (c *Cosine) Scores(in Input) (Activation, error) {
	x, err := c.cfg.Source.vector(c.name, in, 0)
	if err != nil {
		return Activation{}, err
	}
	norm := norm2(x)
	if !(norm > 0) {
		return Activation{}, fmt.Errorf("head %s: the feature vector has length %v", c.name, norm)
	}
	out := make([]float32, len(c.dirs))
	for k, t := range c.dirs {
		out[k] = float32(c.cfg.Scale * dot(x, t) / norm)
	}
	return Vector(out), nil
}

// VJP implements [Differentiable]: dx = s/‖x‖·(v − ⟨v,u⟩u) with v = Σ_k d_k·t_k and u = x/‖x‖.
func (c *Cosine) VJP(in Input, dScores []float32) ([]Activation, error) {
	x, err := c.cfg.Source.vector(c.name, in, 0)
	if err != nil {
		return nil, err
	}
	if err := checkCotangent(c.name, dScores, len(c.dirs)); err != nil {
		return nil, err
	}
	v := make([]float64, len(x))
	for k, t := range c.dirs {
		for i, y := range t {
			v[i] += c.cfg.Scale * float64(dScores[k]) * float64(y)
		}
	}
	d, err := throughUnit(x, v)
	if err != nil {
		return nil, fmt.Errorf("head %s: %w", c.name, err)
	}
	return []Activation{c.cfg.Source.back(in, 0, d)}, nil
}

func (c *Cosine) state() (*state, error) {
	return newState(kindCosine, c.name, c.cfg, func(s *state) {
		s.addRows("directions", c.dirs)
	})
}

func loadCosine(s *state) (Head, error) {
	var cfg cosineConfig
	if err := s.config(&cfg); err != nil {
		return nil, err
	}
	dirs, err := s.rowsOf("directions", cfg.Source.Width)
	if err != nil {
		return nil, err
	}
	c, err := newCosine(s.Name, cfg.Source, dirs, cfg.Scale)
	if err != nil {
		return nil, err
	}
	c.dirs = dirs // of unit length already: the same bits as when saved
	return c, nil
}

// Decisions implements [Attackable]: one choice among the classes.
func (c *Cosine) Decisions(_ []Output, t Truth) ([]Decisions, error) {
	return ofClass(c.name, len(c.dirs), t)
}

// predictClass chooses the class of the largest score.
func predictClass(h Differentiable, in Input) (Output, error) {
	s, err := h.Scores(in)
	if err != nil {
		return Output{}, err
	}
	return classified(s.Data), nil
}

// classified fills the label from the scores; ties go to the lower index.
func classified(scores []float32) Output { return Output{Label: argmax(scores), Scores: scores} }

func checkCotangent(head string, d []float32, n int) error {
	if len(d) != n {
		return fmt.Errorf("head %s: cotangent of %d numbers for %d scores", head, len(d), n)
	}
	return nil
}

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
