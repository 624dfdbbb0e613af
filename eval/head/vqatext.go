package head

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
)

const kindVQAText = "vqatext"

// VQAZeroShot answers a question by choosing among prompted answers: every known question has answers, each
// with the embedding of a sentence that states it ("a photo of a dent"), and the image's cosine with these
// decides (Song et al., arXiv 2203.07190, without their template generation). The known question most like the
// one asked is used.
type VQAZeroShot struct {
	name string
	cfg  vqaTextConfig
	text []*Cosine // per question
}

type vqaTextConfig struct {
	Width     int           `json:"width"`
	Scale     float64       `json:"scale"`
	Words     questionWords `json:"words"`
	Questions []string      `json:"questions"`
	Answers   [][]string    `json:"answers"`
}

// PromptedQuestion is a question with its possible answers and a text embedding for each.
type PromptedQuestion struct {
	Text       string
	Answers    []string
	Embeddings [][]float32
}

// NewVQAZeroShot builds the head. scale is the model's logit scale.
func NewVQAZeroShot(name string, questions []PromptedQuestion, scale float64) (*VQAZeroShot, error) {
	h := &VQAZeroShot{name: name, cfg: vqaTextConfig{Scale: scale}}
	var asked []Features
	for _, q := range questions {
		c, err := NewZeroShot(name, q.Embeddings, scale)
		if err != nil {
			return nil, fmt.Errorf("question %q: %w", q.Text, err)
		}
		h.text = append(h.text, c)
		h.cfg.Width = c.cfg.Source.Width
		h.cfg.Questions, h.cfg.Answers = append(h.cfg.Questions, q.Text), append(h.cfg.Answers, q.Answers)
		asked = append(asked, asking(q.Text))
	}
	h.cfg.Words = newQuestionWords(asked)
	return h, h.validate()
}

func (h *VQAZeroShot) validate() error {
	c := h.cfg
	if len(h.text) == 0 || len(c.Questions) != len(h.text) || len(c.Answers) != len(h.text) {
		return fmt.Errorf("head %s: %d questions with %d lists of answers", h.name, len(c.Questions), len(c.Answers))
	}
	for i, t := range h.text {
		if len(c.Answers[i]) != len(t.dirs) || t.cfg.Source.Width != c.Width {
			return fmt.Errorf("head %s: question %q has %d answers and %d embeddings of width %d (want %d)", h.name, c.Questions[i], len(c.Answers[i]), len(t.dirs), t.cfg.Source.Width, c.Width)
		}
	}
	return c.Words.validate(h.name)
}

// Name, Task and Taps implement [Head].
func (h *VQAZeroShot) Name() string        { return h.name }
func (h *VQAZeroShot) Task() Task          { return VQA }
func (h *VQAZeroShot) Taps() []encoder.Tap { return []encoder.Tap{encoder.Embedding} }

func (h *VQAZeroShot) at(question string) (int, error) {
	at := h.cfg.Words.closestQuestion(h.cfg.Questions, question)
	if at < 0 {
		return 0, fmt.Errorf("head %s: the question %q shares no word with any it knows", h.name, question)
	}
	return at, nil
}

// Predict implements [Head].
func (h *VQAZeroShot) Predict(in Input) (Output, error) {
	at, err := h.at(in.Question)
	if err != nil {
		return Output{}, err
	}
	s, err := h.text[at].Scores(in)
	if err != nil {
		return Output{}, err
	}
	return answered(h.name, s.Data, h.cfg.Answers[at])
}

// Scores implements [Differentiable]: a logit per answer of the question.
func (h *VQAZeroShot) Scores(in Input) (Activation, error) {
	at, err := h.at(in.Question)
	if err != nil {
		return Activation{}, err
	}
	return h.text[at].Scores(in)
}

// VJP implements [Differentiable].
func (h *VQAZeroShot) VJP(in Input, dScores []float32) ([]Activation, error) {
	at, err := h.at(in.Question)
	if err != nil {
		return nil, err
	}
	return h.text[at].VJP(in, dScores)
}

// Decisions implements [Attackable]: the right answers to each question against the others.
func (h *VQAZeroShot) Decisions(clean []Output, t Truth) ([]Decisions, error) {
	return ofAnswers(clean, t, func(question string) ([]string, error) {
		at, err := h.at(question)
		if err != nil {
			return nil, err
		}
		return h.cfg.Answers[at], nil
	})
}

func (h *VQAZeroShot) state() (*state, error) {
	return newState(kindVQAText, h.name, h.cfg, func(s *state) {
		for i, t := range h.text {
			s.addRows(fmt.Sprint("answers", i), t.dirs)
		}
	})
}

func loadVQAText(s *state) (Head, error) {
	h := &VQAZeroShot{name: s.Name}
	if err := s.config(&h.cfg); err != nil {
		return nil, err
	}
	for i := range h.cfg.Questions {
		rows, err := s.rowsOf(fmt.Sprint("answers", i), h.cfg.Width)
		if err != nil {
			return nil, err
		}
		c, err := NewZeroShot(s.Name, rows, h.cfg.Scale)
		if err != nil {
			return nil, err
		}
		c.dirs = rows
		h.text = append(h.text, c)
	}
	return h, h.validate()
}
