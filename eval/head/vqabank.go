package head

import (
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/encoder"
)

const kindVQABank = "vqabank"

// VQABank answers a question as it was answered about the most similar images: the known question most like the
// one asked is found by its words, and its k nearest images in cosine vote as in [KNN].
type VQABank struct {
	name string
	cfg  vqaBankConfig
	bank [][]float32 // unit length
}

type vqaBankConfig struct {
	Source    Source        `json:"source"`
	K         int           `json:"k"`
	Words     questionWords `json:"words"`
	Questions []string      `json:"questions"`
	Answers   []string      `json:"answers"` // sorted
	Given     [][]int       `json:"given"`   // [question][image]: index of the answer, −1 if not asked
}

// NewVQABank keeps the features and answers of images.
func NewVQABank(name string, src Source, feats []Features, k int) (*VQABank, error) {
	rows, err := src.rows(name, feats)
	if err != nil {
		return nil, err
	}
	h := &VQABank{name: name, cfg: vqaBankConfig{Source: src, K: k, Words: newQuestionWords(feats)}}
	var questions, answers []string
	for _, f := range feats {
		for _, q := range f.Sample.QA {
			if a := commonAnswer(q.Answers); a != "" {
				questions, answers = append(questions, q.Text), append(answers, a)
			}
		}
	}
	h.cfg.Questions = slices.Compact(slices.Sorted(slices.Values(questions)))
	h.cfg.Answers = slices.Compact(slices.Sorted(slices.Values(answers)))
	for range h.cfg.Questions {
		h.cfg.Given = append(h.cfg.Given, slices.Repeat([]int{-1}, len(feats)))
	}
	for i, f := range feats {
		for _, q := range f.Sample.QA {
			if a := commonAnswer(q.Answers); a != "" {
				at, _ := slices.BinarySearch(h.cfg.Questions, q.Text)
				h.cfg.Given[at][i], _ = slices.BinarySearch(h.cfg.Answers, a)
			}
		}
	}
	if h.bank, err = unitRows(rows); err != nil {
		return nil, fmt.Errorf("head %s: %w", name, err)
	}
	return h, h.validate()
}

func (h *VQABank) validate() error {
	c := h.cfg
	if err := c.Source.validate(h.name); err != nil {
		return err
	}
	if err := c.Words.validate(h.name); err != nil {
		return err
	}
	if c.K < 1 || len(c.Given) != len(c.Questions) || len(c.Answers) == 0 {
		return fmt.Errorf("head %s: k = %d with %d questions and %d answers", h.name, c.K, len(c.Questions), len(c.Answers))
	}
	for _, g := range c.Given {
		if len(g) != len(h.bank) || slices.Max(append([]int{-1}, g...)) >= len(c.Answers) || slices.Min(append([]int{-1}, g...)) < -1 {
			return fmt.Errorf("head %s: answers that do not fit its images", h.name)
		}
	}
	return nil
}

// Name, Task and Taps implement [Head].
func (h *VQABank) Name() string        { return h.name }
func (h *VQABank) Task() Task          { return VQA }
func (h *VQABank) Taps() []encoder.Tap { return []encoder.Tap{h.cfg.Source.Tap} }

// Predict implements [Head]. A question that shares no word with any known one is an error.
func (h *VQABank) Predict(in Input) (Output, error) {
	x, err := h.cfg.Source.vector(h.name, in, 0)
	if err != nil {
		return Output{}, err
	}
	at := h.cfg.Words.closestQuestion(h.cfg.Questions, in.Question)
	if at < 0 {
		return Output{}, fmt.Errorf("head %s: the question %q shares no word with any it knows", h.name, in.Question)
	}
	var rows [][]float32
	var labels []int
	for i, a := range h.cfg.Given[at] {
		if a >= 0 {
			rows, labels = append(rows, h.bank[i]), append(labels, a)
		}
	}
	near, err := nearest(rows, x, h.cfg.K)
	if err != nil {
		return Output{}, fmt.Errorf("head %s: %w", h.name, err)
	}
	return answered(h.name, votes(near, labels, len(h.cfg.Answers)), h.cfg.Answers)
}

func (h *VQABank) state() (*state, error) {
	return newState(kindVQABank, h.name, h.cfg, func(s *state) {
		s.addRows("bank", h.bank)
	})
}

func loadVQABank(s *state) (Head, error) {
	h := &VQABank{name: s.Name}
	if err := s.config(&h.cfg); err != nil {
		return nil, err
	}
	var err error
	if h.bank, err = s.rowsOf("bank", h.cfg.Source.Width); err != nil {
		return nil, err
	}
	return h, h.validate()
}
