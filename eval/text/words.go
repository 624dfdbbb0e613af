package text

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Words is a tokenizer with one id a word, of a small closed vocabulary: 0 pads, 1 is any unknown word, 2 begins,
// and word i has id i + 3. The models that this library trains read their text so.
type Words struct {
	ids map[string]int64
	len int
}

// wordList is the vocabulary in a labels.json.
type wordList struct {
	Words []string `json:"words"`
	Len   int      `json:"len"` // ids of a sequence
}

const (
	unknownWord = 1
	beginWord   = 2
	firstWord   = 3
)

func newWords(path string, l wordList) (*Words, error) {
	if len(l.Words) == 0 || l.Len < 2 || l.Len > 1<<12 {
		return nil, fmt.Errorf("%s: a vocabulary of %d words with sequences of %d", path, len(l.Words), l.Len)
	}
	w := &Words{ids: make(map[string]int64, len(l.Words)), len: l.Len}
	for i, word := range l.Words {
		w.ids[word] = int64(i) + firstWord
	}
	return w, nil
}

// Sequence implements [Sequencer]. A prompt of unknown words only is an error.
func (w *Words) Sequence(prompt string, n int) ([]int64, error) {
	if n == 0 {
		n = w.len
	}
	var ids []int64
	for _, word := range strings.FieldsFunc(strings.ToLower(prompt), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		id, ok := w.ids[word]
		if !ok {
			id = unknownWord
		}
		ids = append(ids, id)
	}
	if !slices.ContainsFunc(ids, func(id int64) bool { return id != unknownWord }) {
		return nil, fmt.Errorf("text: no word of %.60q is in the vocabulary of %d words", prompt, len(w.ids))
	}
	return filled(prompt, []int64{beginWord}, ids, nil, 0, n)
}
