package head

import (
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/encoder"
)

const kindVQANet = "vqanet"

// VQANet answers questions by a net on the image's feature vector beside the question's words, with the answers
// seen in training for classes.
type VQANet struct {
	name string
	cfg  vqaNetConfig
	net  *net
}

type vqaNetConfig struct {
	Source  Source        `json:"source"`
	Words   questionWords `json:"words"`
	Answers []string      `json:"answers"` // sorted
	Sizes   []int         `json:"sizes"`
}

// questionWeight scales question vectors, which have unit length, against the image features, which are
// standardised one by one.
const questionWeight = 3

// TrainVQANet fits the net to the most common answer of every question. hidden must name at least one layer: a
// linear net could not let the question choose what to look at.
func TrainVQANet(name string, src Source, feats []Features, hidden []int, how Training) (*VQANet, error) {
	if len(hidden) == 0 {
		return nil, fmt.Errorf("head %s: at least one hidden layer is needed", name)
	}
	images, err := src.rows(name, feats)
	if err != nil {
		return nil, err
	}
	h := &VQANet{name: name, cfg: vqaNetConfig{Source: src, Words: newQuestionWords(feats)}}
	var rows [][]float32
	var answers []string
	for i, f := range feats {
		for _, q := range f.Sample.QA {
			if a := commonAnswer(q.Answers); a != "" {
				rows = append(rows, h.joined(images[i], q.Text))
				answers = append(answers, a)
			}
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("head %s: no image has a question with an answer", name)
	}
	h.cfg.Answers = slices.Compact(slices.Sorted(slices.Values(answers)))
	t := &targets{x: rows}
	for _, a := range answers {
		i, _ := slices.BinarySearch(h.cfg.Answers, a)
		row := make([]float32, len(h.cfg.Answers))
		row[i] = 1
		t.classes = append(t.classes, row)
	}
	h.cfg.Sizes = append(append([]int{len(rows[0])}, hidden...), len(h.cfg.Answers))
	if h.net, err = newNet(h.cfg.Sizes, how.Seed); err != nil {
		return nil, fmt.Errorf("head %s: %w", name, err)
	}
	if err := h.net.fit(t, how); err != nil {
		return nil, fmt.Errorf("head %s: %w", name, err)
	}
	return h, h.validate()
}

func (h *VQANet) validate() error {
	c := h.cfg
	if err := c.Source.validate(h.name); err != nil {
		return err
	}
	if err := c.Words.validate(h.name); err != nil {
		return err
	}
	if len(c.Answers) == 0 || c.Sizes[0] != c.Source.Width+len(c.Words.Words) || c.Sizes[len(c.Sizes)-1] != len(c.Answers) {
		return fmt.Errorf("head %s: net of %v for %d features, %d words and %d answers", h.name, c.Sizes, c.Source.Width, len(c.Words.Words), len(c.Answers))
	}
	return nil
}

func (h *VQANet) joined(image []float32, question string) []float32 {
	x := append(make([]float32, 0, len(image)+len(h.cfg.Words.Words)), image...)
	for _, v := range h.cfg.Words.vector(question) {
		x = append(x, questionWeight*v)
	}
	return x
}

// Name, Task and Taps implement [Head].
func (h *VQANet) Name() string        { return h.name }
func (h *VQANet) Task() Task          { return VQA }
func (h *VQANet) Taps() []encoder.Tap { return []encoder.Tap{h.cfg.Source.Tap} }

// Predict implements [Head]; Label is the answer's index in training order.
func (h *VQANet) Predict(in Input) (Output, error) {
	s, err := h.Scores(in)
	if err != nil {
		return Output{}, err
	}
	return answered(h.name, s.Data, h.cfg.Answers)
}

func answered(head string, scores []float32, answers []string) (Output, error) {
	out := classified(scores)
	if out.Label < 0 {
		return out, fmt.Errorf("head %s: every score is NaN", head)
	}
	out.Text = answers[out.Label]
	return out, nil
}

// Scores implements [Differentiable]: a logit per answer.
func (h *VQANet) Scores(in Input) (Activation, error) {
	x, err := h.cfg.Source.vector(h.name, in, 0)
	if err != nil {
		return Activation{}, err
	}
	y, _ := h.net.forward(h.joined(x, in.Question))
	return Vector(y), nil
}

// VJP implements [Differentiable].
func (h *VQANet) VJP(in Input, dScores []float32) ([]Activation, error) {
	x, err := h.cfg.Source.vector(h.name, in, 0)
	if err != nil {
		return nil, err
	}
	if err := checkCotangent(h.name, dScores, len(h.cfg.Answers)); err != nil {
		return nil, err
	}
	_, pre := h.net.forward(h.joined(x, in.Question))
	return []Activation{h.cfg.Source.back(in, 0, h.net.vjp(pre, dScores)[:len(x)])}, nil
}

// Decisions implements [Attackable]: the right answers to each question against the others.
func (h *VQANet) Decisions(clean []Output, t Truth) ([]Decisions, error) {
	return ofAnswers(clean, t, func(string) ([]string, error) { return h.cfg.Answers, nil })
}

func (h *VQANet) state() (*state, error) {
	return newState(kindVQANet, h.name, h.cfg, func(s *state) {
		h.net.save(s, "")
	})
}

func loadVQANet(s *state) (Head, error) {
	h := &VQANet{name: s.Name}
	if err := s.config(&h.cfg); err != nil {
		return nil, err
	}
	var err error
	if h.net, err = loadNet(s, "", h.cfg.Sizes); err != nil {
		return nil, err
	}
	return h, h.validate()
}
