package head

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
)

const kindTemplate = "template"

// Template captions an image from attributes that probes recognise: the first rule whose conditions hold gives
// the sentence, with {slot} replaced by the slot's word.
type Template struct {
	name string
	cfg  templateConfig
	nets []*net
}

type templateConfig struct {
	Slots []slotConfig `json:"slots"`
	Rules []Rule       `json:"rules"`
}

type slotConfig struct {
	Name   string   `json:"name"`
	Words  []string `json:"words"`
	Source Source   `json:"source"`
	Sizes  []int    `json:"sizes"`
}

// Slot is an attribute to recognise.
type Slot struct {
	Name   string
	Words  []string // what to write for each value
	Source Source
	Hidden []int                     // of the probe; none makes it linear
	Value  func(*dataset.Sample) int // the true value, an index into Words; negative leaves the image out
}

// Rule gives a sentence for the images whose slots have the words in When; an empty When always holds.
type Rule struct {
	When map[string]string `json:"when,omitempty"`
	Text string            `json:"text"`
}

// TrainTemplate fits a probe per slot. The last rule should have no condition; an image that no rule fits is
// captioned "".
func TrainTemplate(name string, slots []Slot, rules []Rule, feats []Features, how Training) (*Template, error) {
	h := &Template{name: name, cfg: templateConfig{Rules: rules}}
	for _, s := range slots {
		var labelled []Features
		var labels []int
		for _, f := range feats {
			if v := s.Value(f.Sample); v >= 0 {
				if v >= len(s.Words) {
					return nil, fmt.Errorf("head %s: slot %s of image %s has value %d of %d", name, s.Name, f.Sample.ID, v, len(s.Words))
				}
				labelled, labels = append(labelled, f), append(labels, v)
			}
		}
		rows, err := s.Source.rows(name, labelled)
		if err != nil {
			return nil, err
		}
		n, err := trainClassifier(rows, labels, len(s.Words), s.Hidden, how)
		if err != nil {
			return nil, fmt.Errorf("head %s: slot %s: %w", name, s.Name, err)
		}
		h.cfg.Slots = append(h.cfg.Slots, slotConfig{s.Name, s.Words, s.Source, n.Sizes})
		h.nets = append(h.nets, n)
	}
	return h, h.validate()
}

func (h *Template) validate() error {
	if len(h.cfg.Slots) == 0 || len(h.cfg.Slots) != len(h.nets) {
		return fmt.Errorf("head %s: %d slots with %d nets", h.name, len(h.cfg.Slots), len(h.nets))
	}
	known := map[string][]string{}
	for i, s := range h.cfg.Slots {
		if err := s.Source.validate(h.name); err != nil {
			return err
		}
		if n := h.nets[i].Sizes; n[0] != s.Source.Width || n[len(n)-1] != len(s.Words) {
			return fmt.Errorf("head %s: slot %s: net of %v for %d words", h.name, s.Name, n, len(s.Words))
		}
		known[s.Name] = s.Words
	}
	for i, r := range h.cfg.Rules {
		for slot := range maps.Keys(r.When) {
			if known[slot] == nil {
				return fmt.Errorf("head %s: rule %d asks for slot %q, which there is not", h.name, i, slot)
			}
		}
	}
	return nil
}

// Name, Task and Taps implement [Head].
func (h *Template) Name() string { return h.name }
func (h *Template) Task() Task   { return Captioning }
func (h *Template) Taps() []encoder.Tap {
	taps := make([]encoder.Tap, len(h.cfg.Slots))
	for i, s := range h.cfg.Slots {
		taps[i] = s.Source.Tap
	}
	return taps
}

// Predict implements [Head].
func (h *Template) Predict(in Input) (Output, error) {
	words := map[string]string{}
	var all []float32
	for i, s := range h.cfg.Slots {
		x, err := s.Source.vector(h.name, in, i)
		if err != nil {
			return Output{}, err
		}
		y, _ := h.nets[i].forward(x)
		best := argmax(y)
		if best < 0 {
			return Output{}, fmt.Errorf("head %s: slot %s: every logit is NaN", h.name, s.Name)
		}
		words[s.Name] = s.Words[best]
		all = append(all, y...)
	}
	return Output{Label: -1, Scores: all, Text: h.sentence(words)}, nil
}

func (h *Template) sentence(words map[string]string) string {
rules:
	for _, r := range h.cfg.Rules {
		for slot, word := range r.When {
			if words[slot] != word {
				continue rules
			}
		}
		text := r.Text
		for slot, word := range words {
			text = strings.ReplaceAll(text, "{"+slot+"}", word)
		}
		return text
	}
	return ""
}

// Scores implements [Differentiable]: the slots' logits one after another.
func (h *Template) Scores(in Input) (Activation, error) {
	var all []float32
	for i, s := range h.cfg.Slots {
		x, err := s.Source.vector(h.name, in, i)
		if err != nil {
			return Activation{}, err
		}
		y, _ := h.nets[i].forward(x)
		all = append(all, y...)
	}
	return Vector(all), nil
}

// VJP implements [Differentiable].
func (h *Template) VJP(in Input, dScores []float32) ([]Activation, error) {
	total := 0
	for _, s := range h.cfg.Slots {
		total += len(s.Words)
	}
	if err := checkCotangent(h.name, dScores, total); err != nil {
		return nil, err
	}
	var out []Activation
	for i, s := range h.cfg.Slots {
		x, err := s.Source.vector(h.name, in, i)
		if err != nil {
			return nil, err
		}
		_, pre := h.nets[i].forward(x)
		out = append(out, s.Source.back(in, i, h.nets[i].vjp(pre, dScores[:len(s.Words)])))
		dScores = dScores[len(s.Words):]
	}
	return out, nil
}

// Decisions implements [Attackable]: for each slot, the words with which the sentence is worth more than the middle
// between the best and the worst word, the other slots filled as on the clean image, against the others. A slot that
// makes no difference is left out, as long as one makes some.
func (h *Template) Decisions(clean []Output, t Truth) ([]Decisions, error) {
	chosen, words := make([]int, len(h.cfg.Slots)), map[string]string{}
	from := 0
	for i, s := range h.cfg.Slots {
		chosen[i] = argmax(clean[0].Scores[from : from+len(s.Words)])
		words[s.Name] = s.Words[chosen[i]]
		from += len(s.Words)
	}
	d, known := Decisions{Options: 2}, false
	from = 0
	for i, s := range h.cfg.Slots {
		right, ok := h.worthy(i, words, t)
		if !ok {
			right = func(w int) bool { return w == chosen[i] }
		}
		d.Scores = append(d.Scores, twoSided(from, len(s.Words), right)...)
		d.Right = append(d.Right, map[bool]int{true: 1, false: -1}[ok])
		known = known || ok
		from += len(s.Words)
	}
	for i := range d.Right {
		if !known {
			d.Right[i] = 1
		}
	}
	return []Decisions{d}, nil
}

// worthy tells the words of a slot that make the better sentences; false where all are worth the same.
func (h *Template) worthy(slot int, words map[string]string, t Truth) (func(word int) bool, bool) {
	s := h.cfg.Slots[slot]
	with := maps.Clone(words)
	var texts []string
	for _, w := range s.Words {
		with[s.Name] = w
		texts = append(texts, h.sentence(with))
	}
	worth := t.worth(texts)
	least, most := slices.Min(worth), slices.Max(worth)
	return func(w int) bool { return worth[w] > (least+most)/2 }, most > least
}

func (h *Template) state() (*state, error) {
	return newState(kindTemplate, h.name, h.cfg, func(s *state) {
		for i, n := range h.nets {
			n.save(s, fmt.Sprint("slot", i, "."))
		}
	})
}

func loadTemplate(s *state) (Head, error) {
	h := &Template{name: s.Name}
	if err := s.config(&h.cfg); err != nil {
		return nil, err
	}
	for i, slot := range h.cfg.Slots {
		n, err := loadNet(s, fmt.Sprint("slot", i, "."), slot.Sizes)
		if err != nil {
			return nil, err
		}
		h.nets = append(h.nets, n)
	}
	return h, h.validate()
}
