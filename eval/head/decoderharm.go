package head

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Harm implements [Harmed]: how far the words that make the references are from being said. A word counts by its lead
// over every other where that is largest: among the places of the greedy caption and its own places in the
// references, with the references' words before it (teacher forcing). One that is behind everywhere by more than
// lostBy counts little further. Words weigh what a reference is worth less without them.
func (d *Decoder) Harm(clean []Output, t Truth) (Harm, error) {
	weights, references := d.wordsThatCount(t)
	if len(weights) == 0 { // it can only be led away from its own answer
		for _, w := range d.known(captionWords(clean[0].Text)) {
			weights[w] = 1
		}
	}
	if len(weights) == 0 {
		return nil, fmt.Errorf("head %s: image %s: neither references nor answer hold a word of the vocabulary", d.name, t.ID)
	}
	words, sum := slices.Sorted(maps.Keys(weights)), 0.0
	for _, w := range words {
		sum += weights[w]
	}
	return func(in Input) (float64, []Activation, error) {
		m, _, steps, err := d.decode(in)
		if err != nil {
			return 0, nil, err
		}
		places := d.places(m, steps, references, weights)
		dk, dv := m.keys.Zeros(), m.values.Zeros()
		value := 0.0
		for _, w := range words {
			v, at, back := lead(places, w)
			weight := weights[w] / sum
			if v < -lostBy {
				value -= weight * (leak*(v+lostBy) - lostBy)
				weight *= leak
			} else {
				value -= weight * v
			}
			for i := range back {
				back[i] *= float32(-weight)
			}
			d.stepBack(m, at, back, dk, dv)
		}
		return value, []Activation{d.tokensBack(in, dk, dv)}, nil
	}, nil
}

// place is a step at which a word may be said.
type place struct {
	step
	only int // the one word that it counts for, −1 for any
}

// places are the steps of the greedy caption, and those of the references at which a word with a weight is due.
func (d *Decoder) places(m *memory, greedy []step, references [][]int, weights map[int]float64) []place {
	var out []place
	for _, s := range greedy {
		out = append(out, place{s, -1})
	}
	for _, r := range references {
		for i, w := range r {
			if weights[w] > 0 {
				out = append(out, place{d.step(m, contextOf(r, i)), w})
			}
		}
	}
	return out
}

// lead is the largest lead of a word over every other, where that is, and its gradient at the logits there.
func lead(places []place, word int) (float64, step, []float32) {
	most, at, rival := math.Inf(-1), 0, 0
	for i, p := range places {
		if p.only >= 0 && p.only != word {
			continue
		}
		other := -1
		for k, v := range p.logits {
			if k != word && (other < 0 || v > p.logits[other]) {
				other = k
			}
		}
		if v := float64(p.logits[word]) - float64(p.logits[other]); v > most {
			most, at, rival = v, i, other
		}
	}
	back := make([]float32, len(places[at].logits))
	back[word], back[rival] = 1, -1
	return most, places[at].step, back
}

// known are the indices of words in the vocabulary; others are left out.
func (d *Decoder) known(words []string) []int {
	var out []int
	for _, w := range words {
		if i, ok := slices.BinarySearch(d.cfg.Words[2:], w); ok {
			out = append(out, i+2)
		}
	}
	return out
}

// wordsThatCount gives, for each word of the references, what they are worth less without it, and the references.
func (d *Decoder) wordsThatCount(t Truth) (map[int]float64, [][]int) {
	weights := map[int]float64{}
	var references [][]int
	for _, c := range t.Captions {
		words := captionWords(c)
		reference := d.known(words)
		references = append(references, reference)
		for _, w := range reference {
			without := slices.DeleteFunc(slices.Clone(words), func(x string) bool { return x == d.cfg.Words[w] })
			worth := t.worth([]string{c, strings.Join(without, " ")})
			if loss := worth[0] - worth[1]; loss > 0 {
				weights[w] += loss
			}
		}
	}
	return weights, references
}
