package text

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Sequencer makes token sequences for a text encoder: markers, the prompt's tokens, padding. It is safe for
// concurrent use.
type Sequencer interface {
	// Sequence returns n ids; n = 0 leaves the length to the tokenizer. A prompt that does not fit is an
	// error, since cutting it would change its meaning.
	Sequence(prompt string, n int) ([]int64, error)
}

var (
	_ Sequencer = (*Tokenizer)(nil)
	_ Sequencer = (*Pieces)(nil)
	_ Sequencer = (*Words)(nil)
)

// OpenSequencer reads a tokenizer of any kind known: a tokenizer.json with CLIP's byte-pair encoding
// ([Tokenizer]) or with another model ([Pieces]), a labels.json with a vocabulary of words ([Words]), or
// "vocab.json,merges.txt".
func OpenSequencer(path string) (Sequencer, error) {
	if vocab, merges, ok := strings.Cut(path, ","); ok {
		return OpenVocab(vocab, merges)
	}
	if filepath.Ext(path) == ".txt" {
		return OpenMerges(path)
	}
	file, err := readTokenizerJSON(path)
	if err != nil {
		return nil, err
	}
	switch {
	case file.Words != nil:
		return newWords(path, *file.Words)
	case file.Model.Suffix == endOfWord:
		return Open(path)
	}
	return newPieces(path, file)
}

// filled puts ids between markers and pads them to n.
func filled(prompt string, before, ids, after []int64, pad int64, n int) ([]int64, error) {
	out := append(append(append([]int64(nil), before...), ids...), after...)
	if n > 0 && len(out) > n {
		return nil, fmt.Errorf("text: prompt has %d tokens, at most %d fit: %.60q", len(ids), max(n-len(before)-len(after), 0), prompt)
	}
	for len(out) < n {
		out = append(out, pad)
	}
	return out, nil
}
