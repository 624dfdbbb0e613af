package head

import (
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

// Attackable is a head that can restate its scores as decisions with a right option, so that a white-box attack
// has a loss to raise.
type Attackable interface {
	Differentiable
	// Decisions about one image, given the head's own answer to the clean image for each question asked
	// (Input.Question; one without a question for heads that answer none). They are read from the scores of one
	// call each.
	Decisions(clean []Output, t Truth) ([]Decisions, error)
}

// Truth is what is known about an image.
type Truth struct {
	*dataset.Sample
	Good  int                       // class free of defects, −1 if there is none
	Score func(text string) float64 // what a caption of the image is worth; nil where nobody judges captions
}

// Decisions are the choices that one call of Scores makes about an image.
type Decisions struct {
	Question string // Input.Question of the call
	Options  int    // of every choice; one stands for a single logit, right when its sign is

	// Scores lists, choice by choice and option by option, the indices of the scores that stand for the option:
	// the largest counts. An index beyond the scores of an image counts as 0, an empty list as never chosen.
	Scores [][]int
	Right  []int // for each choice the right option, −1 where it is not known
}

// Where an image holds several choices, one whose right option is behind by more than lostBy gains little from
// being further behind: only the share leak of it counts, so that it does not hide the choices still right.
const (
	lostBy = 1
	leak   = 1.0 / 64
)

// Logits appends one number for each option of each choice.
func (d Decisions) Logits(dst []float64, scores []float32) []float64 {
	for i := range d.Scores {
		v := 0.0
		for _, p := range d.parts(i, scores) {
			v += p.share * p.value
		}
		dst = append(dst, v)
	}
	return dst
}

// Back writes to cot, as long as scores, the gradient of Σ dLogits·Logits.
func (d Decisions) Back(cot []float32, scores []float32, dLogits []float64) {
	clear(cot)
	for i := range d.Scores {
		for _, p := range d.parts(i, scores) {
			if p.at >= 0 {
				cot[p.at] += float32(p.share * dLogits[i])
			}
		}
	}
}

// part is the share of a logit that a score, −1 for none, gives.
type part struct {
	at           int
	value, share float64
}

// parts make up the logit of option i: the largest of its scores, or where it leads too far, mostly the right
// option's plus lostBy.
func (d Decisions) parts(i int, scores []float32) []part {
	at, v := largest(d.Scores[i], scores)
	choice := i / d.Options
	right := d.Right[choice]
	if len(d.Right) == 1 || right < 0 {
		return []part{{at, v, 1}}
	}
	atRight, most := largest(d.Scores[choice*d.Options+right], scores)
	if most += lostBy; v <= most {
		return []part{{at, v, 1}}
	}
	return []part{{at, v, leak}, {atRight, most, 1 - leak}}
}

// neverChosen is far below every logit, yet finite, so that losses stay so.
const neverChosen = -1e6

// largest is the index and value of the largest score of a list, −1 where it is none of the scores.
func largest(from []int, scores []float32) (int, float64) {
	at, best := -1, math.Inf(-1)
	for _, i := range from {
		v := 0.0
		if i < len(scores) {
			v = float64(scores[i])
		}
		if v > best {
			best = v
			if at = i; i >= len(scores) {
				at = -1
			}
		}
	}
	if len(from) == 0 {
		return -1, neverChosen
	}
	return at, best
}

// each gives every one of n scores its own option.
func each(n int) [][]int {
	out := make([][]int, n)
	for i := range out {
		out[i] = []int{i}
	}
	return out
}

// twoSided divides scores from..from+n into wrong and right ones, in this order.
func twoSided(from, n int, right func(i int) bool) [][]int {
	out := make([][]int, 2)
	for i := range n {
		k := 0
		if right(i) {
			k = 1
		}
		out[k] = append(out[k], from+i)
	}
	return out
}

// ofClass is one choice among n classes.
func ofClass(head string, n int, s Truth) ([]Decisions, error) {
	if s.Label < 0 || s.Label >= n {
		return nil, fmt.Errorf("head %s: image %s has class %d of %d", head, s.ID, s.Label, n)
	}
	return []Decisions{{Options: n, Scores: each(n), Right: []int{s.Label}}}, nil
}

// ofAnomaly is one logit that should be high on defective images and low on good ones.
func ofAnomaly(head string, t Truth) ([]Decisions, error) {
	if t.Label < 0 {
		return nil, fmt.Errorf("head %s: image %s has no class", head, t.ID)
	}
	right := 1
	if t.Label == t.Good {
		right = 0
	}
	return []Decisions{{Options: 1, Scores: each(1), Right: []int{right}}}, nil
}

// ofPatches is one choice among values for each patch; a patch's first value stands at stride·patch.
func ofPatches(values, stride int, right []int) []Decisions {
	d := Decisions{Options: values, Right: right}
	for p := range right {
		for k := range values {
			d.Scores = append(d.Scores, []int{p*stride + k})
		}
	}
	return []Decisions{d}
}

// Majority is each patch's most frequent value of a mask, −1 where nothing of it is annotated. values is how many
// there are.
func (l Layout) Majority(m *dataset.Mask, values, width, height int) ([]int, error) {
	p, err := l.over("", width, height)
	if err != nil {
		return nil, err
	}
	var out []int
	for _, share := range p.shares(m, values) {
		k := argmax(share)
		if k >= 0 && share[k] == 0 {
			k = -1
		}
		out = append(out, k)
	}
	return out, nil
}

// ofMask chooses each patch's most frequent mask value.
func ofMask(head string, layout Layout, values int, s Truth) ([]Decisions, error) {
	if s.Mask == nil {
		return nil, fmt.Errorf("head %s: image %s has no mask", head, s.ID)
	}
	right, err := layout.Majority(s.Mask, values, s.Width, s.Height)
	if err != nil {
		return nil, fmt.Errorf("head %s: image %s: %w", head, s.ID, err)
	}
	return ofPatches(values, values, right), nil
}

// ofAnswers is one choice between wrong and right answers for each question of the image.
func ofAnswers(clean []Output, s Truth, answers func(question string) ([]string, error)) ([]Decisions, error) {
	var out []Decisions
	for q, ask := range s.QA {
		known, err := answers(ask.Text)
		if err != nil {
			return nil, err
		}
		right := func(i int) bool { return metric.VQAAccuracy(known[i], ask.Answers) > 0 }
		if !slices.ContainsFunc(known, func(a string) bool { return metric.VQAAccuracy(a, ask.Answers) > 0 }) {
			right = func(i int) bool { return known[i] == clean[q].Text } // it can only be led away from its own answer
		}
		out = append(out, Decisions{Question: ask.Text, Options: 2, Scores: twoSided(0, len(known), right), Right: []int{1}})
	}
	return out, nil
}

// ofTexts is one choice between the texts that are worth at least half of what the best is worth and the others;
// where none is worth anything, the head's own clean answer stands for them.
func ofTexts(clean Output, texts []string, s Truth) []Decisions {
	worth := s.worth(texts)
	half := slices.Max(append(worth, 0)) / 2
	right := func(i int) bool { return worth[i] >= half }
	if half == 0 {
		right = func(i int) bool { return texts[i] == clean.Text }
	}
	return []Decisions{{Options: 2, Scores: twoSided(0, len(texts), right), Right: []int{1}}}
}

// worth scores captions; without a judge those that are references are worth 1.
func (t Truth) worth(texts []string) []float64 {
	out := make([]float64, len(texts))
	for i, text := range texts {
		switch {
		case t.Score != nil && len(t.Captions) > 0:
			out[i] = t.Score(text)
		case slices.Contains(t.Captions, text):
			out[i] = 1
		}
	}
	return out
}
