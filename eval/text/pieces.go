package text

import (
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// Pieces is a tokenizer as a tokenizer.json of the Hugging Face tokenizers library describes it: normalisers,
// rules that cut the text, and a model that spells each part in pieces of its vocabulary. Known models are Unigram
// (Kudo, arXiv 1804.10959; SigLIP's), BPE on characters with bytes for what it does not know (SigLIP 2's), and
// WordLevel. Special tokens are added by the post-processor alone: their names in a prompt are plain text.
type Pieces struct {
	normal        []func(string) string
	cut           []func([]string) []string
	spell         func(part string) ([]int64, error)
	before, after []int64
	pad           int64
	length        int // of sequences where the encoder takes any; 0 pads nothing
}

// Sequence implements [Sequencer].
func (p *Pieces) Sequence(prompt string, n int) ([]int64, error) {
	ids, err := p.Tokens(prompt)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		n = p.length
	}
	return filled(prompt, p.before, ids, p.after, p.pad, n)
}

// Tokens returns the ids of a text alone, without markers and padding.
func (p *Pieces) Tokens(text string) ([]int64, error) {
	if len(text) > maxPrompt {
		return nil, fmt.Errorf("text: prompt of %d bytes, at most %d are allowed", len(text), maxPrompt)
	}
	for _, f := range p.normal {
		text = f(text)
	}
	parts := []string{text}
	for _, f := range p.cut {
		parts = f(parts)
	}
	var ids []int64
	for _, part := range parts {
		if part == "" {
			continue
		}
		more, err := p.spell(part)
		if err != nil {
			return nil, err
		}
		ids = append(ids, more...)
	}
	return ids, nil
}

// unigram spells a text in the pieces whose log-probabilities have the largest sum.
type unigram struct {
	id      map[string]int64
	score   []float64
	longest int // bytes of the longest piece
	unknown int64
	least   float64 // score of a character that no piece has
	bytes   *[256]int64
}

// unknownPenalty is how much worse than the worst piece an unknown character scores, as in SentencePiece.
const unknownPenalty = 10

// spell is the Viterbi algorithm over the characters' borders. Unknown characters next to each other make one
// unknown token, or their bytes where the vocabulary has these.
func (u *unigram) spell(text string) ([]int64, error) {
	type step struct {
		score float64
		from  int
		id    int64
	}
	best := make([]step, len(text)+1)
	for i := 1; i < len(best); i++ {
		best[i] = step{math.Inf(-1), -1, 0}
	}
	for at := 0; at < len(text); {
		_, width := utf8.DecodeRuneInString(text[at:])
		reach := func(end int, score float64, id int64) {
			if s := best[at].score + score; best[end].from < 0 || s > best[end].score {
				best[end] = step{s, at, id}
			}
		}
		single := false
		for end := at + width; end <= min(len(text), at+u.longest); {
			if id, ok := u.id[text[at:end]]; ok {
				reach(end, u.score[id], id)
				single = single || end == at+width
			}
			if end == len(text) {
				break
			}
			_, w := utf8.DecodeRuneInString(text[end:])
			end += w
		}
		if !single {
			reach(at+width, u.least, -1)
		}
		at += width
	}
	var ids []int64
	for at := len(text); at > 0; at = best[at].from {
		s := best[at]
		switch {
		case s.id >= 0:
			ids = append(ids, s.id)
		case u.bytes != nil:
			for i := at - 1; i >= s.from; i-- {
				ids = append(ids, u.bytes[text[i]])
			}
		case len(ids) == 0 || ids[len(ids)-1] != -1:
			ids = append(ids, -1)
		}
	}
	slices.Reverse(ids)
	for i, id := range ids {
		if id >= 0 {
			continue
		}
		if u.unknown < 0 {
			return nil, fmt.Errorf("text: %.40q has characters that the vocabulary has not", text)
		}
		ids[i] = u.unknown
	}
	return ids, nil
}

// characters spells a text by merging its characters in the order in which the pairs were learned.
type characters struct {
	id      map[string]int64
	merges  *Tokenizer // for its rule of merging
	unknown int64      // −1: none
	bytes   *[256]int64
}

func (c *characters) spell(text string) ([]int64, error) {
	var symbols []string
	for _, r := range text {
		symbols = append(symbols, string(r))
	}
	var ids []int64
	for _, s := range c.merges.merge(symbols) {
		id, ok := c.id[s]
		switch {
		case ok:
			ids = append(ids, id)
		case c.bytes != nil:
			for i := range len(s) {
				ids = append(ids, c.bytes[s[i]])
			}
		case c.unknown >= 0:
			ids = append(ids, c.unknown)
		default:
			return nil, fmt.Errorf("text: the vocabulary has no entry %q", s)
		}
	}
	return ids, nil
}

// wholeWords looks a part up.
func wholeWords(id map[string]int64, unknown int64) func(string) ([]int64, error) {
	return func(part string) ([]int64, error) {
		if k, ok := id[part]; ok {
			return []int64{k}, nil
		}
		if unknown < 0 {
			return nil, fmt.Errorf("text: the vocabulary has no entry %q", part)
		}
		return []int64{unknown}, nil
	}
}
