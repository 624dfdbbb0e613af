// Package text turns prompts into the tokens of CLIP's text encoder and reads text embeddings that were
// computed elsewhere.
package text

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"
)

// Context is the length of CLIP's token sequences.
const Context = 77

const (
	startOfText = "<|startoftext|>"
	endOfText   = "<|endoftext|>"
	endOfWord   = "</w>"
	maxPrompt   = 1 << 16 // bytes
)

// Tokenizer is CLIP's byte-pair encoding (Radford et al., arXiv 2103.00020, §2.4; Sennrich et al., arXiv
// 1508.07909): lower-cased text is split into words, the bytes of each word into symbols, and the pair of
// neighbours that was learned first is merged until none is left. It is safe for concurrent use.
type Tokenizer struct {
	vocab      map[string]int64
	rank       map[pair]int
	start, end int64
	pad        int64

	mu    sync.Mutex
	cache map[string][]int64
}

type pair struct{ left, right string }

// words are contractions, runs of letters, single digits, and runs of anything else, as in CLIP.
var words = regexp.MustCompile(`(?i)'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+`)

// WithPad returns a tokenizer that fills the rest of a sequence with id instead of 0. CLIP's text
// encoder is causal and reads its output at the end of text, so the choice does not change embeddings.
func (t *Tokenizer) WithPad(id int64) *Tokenizer {
	return &Tokenizer{vocab: t.vocab, rank: t.rank, start: t.start, end: t.end, pad: id, cache: map[string][]int64{}}
}

// Encode returns [Context] token ids: start of text, the prompt, end of text, padding. A prompt that
// does not fit is an error, since cutting it would change its meaning.
func (t *Tokenizer) Encode(prompt string) ([]int64, error) { return t.Sequence(prompt, Context) }

// Sequence implements [Sequencer]; without a length it is [Context].
func (t *Tokenizer) Sequence(prompt string, n int) ([]int64, error) {
	ids, err := t.Tokens(prompt)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		n = Context
	}
	return filled(prompt, []int64{t.start}, ids, []int64{t.end}, t.pad, n)
}

// Tokens returns the ids of a text alone, without start, end or padding.
func (t *Tokenizer) Tokens(text string) ([]int64, error) {
	if len(text) > maxPrompt {
		return nil, fmt.Errorf("text: prompt of %d bytes, at most %d are allowed", len(text), maxPrompt)
	}
	var ids []int64
	for _, w := range words.FindAllString(clean(text), -1) {
		more, err := t.word(w)
		if err != nil {
			return nil, err
		}
		ids = append(ids, more...)
	}
	return ids, nil
}

// clean composes accents, resolves HTML entities twice, joins blanks and lowers the case. Mojibake is
// not repaired.
func clean(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(s, "\ufffd"))
	s = html.UnescapeString(html.UnescapeString(s))
	return strings.ToLower(strings.Join(strings.Fields(s), " "))
}

// word encodes one word, remembering it.
func (t *Tokenizer) word(w string) ([]int64, error) {
	t.mu.Lock()
	ids, known := t.cache[w]
	t.mu.Unlock()
	if known {
		return ids, nil
	}
	for _, symbol := range t.merge(symbols(w)) {
		id, ok := t.vocab[symbol]
		if !ok {
			return nil, fmt.Errorf("text: the vocabulary has no entry %q, needed for %q", symbol, w)
		}
		ids = append(ids, id)
	}
	t.mu.Lock()
	if len(t.cache) < 1<<14 {
		t.cache[w] = ids
	}
	t.mu.Unlock()
	return ids, nil
}

// symbols spells a word in the printable stand-ins of its bytes, the last marked as the word's end.
func symbols(w string) []string {
	out := make([]string, len(w))
	for i := range len(w) {
		out[i] = byteSymbol[w[i]]
	}
	out[len(w)-1] += endOfWord
	return out
}

// merge joins the neighbours of lowest rank, everywhere they occur, until none can be joined.
func (t *Tokenizer) merge(s []string) []string {
	for len(s) > 1 {
		best, rank := pair{}, -1
		for i := range len(s) - 1 {
			p := pair{s[i], s[i+1]}
			if r, ok := t.rank[p]; ok && (rank < 0 || r < rank) {
				best, rank = p, r
			}
		}
		if rank < 0 {
			break
		}
		joined := s[:0:0]
		for i := 0; i < len(s); i++ {
			if i+1 < len(s) && s[i] == best.left && s[i+1] == best.right {
				joined = append(joined, s[i]+s[i+1])
				i++
			} else {
				joined = append(joined, s[i])
			}
		}
		s = joined
	}
	return s
}

// byteSymbol maps every byte to a printable rune: the printable Latin-1 characters to themselves, the
// others to U+0100 onwards in order of value (GPT-2's table).
var byteSymbol = func() (table [256]string) {
	next := rune(256)
	for b := range 256 {
		if r := rune(b); printable(r) {
			table[b] = string(r)
		} else {
			table[b] = string(next)
			next++
		}
	}
	return table
}()

func printable(r rune) bool {
	return r >= '!' && r <= '~' || r >= '¡' && r <= '¬' || r >= '®' && r <= 'ÿ'
}
