package metric

import (
	"strings"
	"unicode"
)

// Words splits a caption for BLEU and CIDEr: lower case, punctuation dropped except a hyphen or an
// apostrophe inside a word and a point between digits. It stands in for the Penn Treebank tokenizer of
// the COCO caption evaluation and agrees with it on plain captions; possessives are not split.
func Words(caption string) []string {
	r := []rune(strings.ToLower(caption))
	keep := func(i int) bool {
		if unicode.IsLetter(r[i]) || unicode.IsDigit(r[i]) || unicode.IsMark(r[i]) {
			return true
		}
		if i == 0 || i == len(r)-1 {
			return false
		}
		before, after := r[i-1], r[i+1]
		switch r[i] {
		case '-', '\'', '’':
			return wordRune(before) && wordRune(after)
		case '.':
			return unicode.IsDigit(before) && unicode.IsDigit(after)
		}
		return false
	}
	var words []string
	start := -1
	for i := range r {
		switch {
		case keep(i) && start < 0:
			start = i
		case !keep(i) && start >= 0:
			words = append(words, string(r[start:i]))
			start = -1
		}
	}
	if start >= 0 {
		words = append(words, string(r[start:]))
	}
	return words
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// ngrams counts the n-grams of words, joined by spaces.
func ngrams(words []string, n int) map[string]int {
	count := map[string]int{}
	for i := 0; i+n <= len(words); i++ {
		count[strings.Join(words[i:i+n], " ")]++
	}
	return count
}
