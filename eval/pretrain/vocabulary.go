package pretrain

import (
	"slices"
	"strings"
	"unicode"
)

// Vocabulary turns captions into token ids, one a word: 0 pads, 1 is an unknown word, 2 begins.
type Vocabulary struct {
	Words []string `json:"words"` // word i has id i+3
	Len   int      `json:"len"`   // ids of a caption, padding included

	ids map[string]int
}

const (
	unknownWord = 1
	startOfText = 2
	firstWord   = 3
)

// NewVocabulary holds the words of some texts in alphabetical order and sequences of n ids.
func NewVocabulary(texts []string, n int) *Vocabulary {
	seen := map[string]bool{}
	for _, t := range texts {
		for _, w := range splitWords(t) {
			seen[w] = true
		}
	}
	v := &Vocabulary{Len: n}
	for w := range seen {
		v.Words = append(v.Words, w)
	}
	slices.Sort(v.Words)
	v.index()
	return v
}

func (v *Vocabulary) index() {
	v.ids = make(map[string]int, len(v.Words))
	for i, w := range v.Words {
		v.ids[w] = i + firstWord
	}
}

// Size is the number of ids.
func (v *Vocabulary) Size() int { return len(v.Words) + firstWord }

// Encode returns the input of the text tower for a caption; words beyond its length are dropped.
func (v *Vocabulary) Encode(text string) []float32 {
	if v.ids == nil {
		v.index()
	}
	out := make([]float32, v.Len)
	out[0] = startOfText
	for i, w := range splitWords(text) {
		if i+1 == v.Len {
			break
		}
		id, ok := v.ids[w]
		if !ok {
			id = unknownWord
		}
		out[i+1] = float32(id)
	}
	return out
}

// splitWords lowers the case and cuts at everything that is neither letter nor digit.
func splitWords(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
