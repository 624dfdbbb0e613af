package text

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxFile is the largest tokenizer file read; CLIP's tokenizer.json has 2.2 MB.
const maxFile = 64 << 20

// Open reads a tokenizer.json of the Hugging Face tokenizers library with a BPE model whose words end in
// "</w>".
func Open(path string) (*Tokenizer, error) {
	file, err := readTokenizerJSON(path)
	if err != nil {
		return nil, err
	}
	m := file.Model
	if m.Type != "" && m.Type != "BPE" || m.Suffix != endOfWord {
		return nil, fmt.Errorf("%s: model of type %q with end_of_word_suffix %q is not CLIP's BPE with %q: see OpenSequencer", path, m.Type, m.Suffix, endOfWord)
	}
	if len(m.Vocab) == 0 {
		return nil, fmt.Errorf("%s: model.vocab is missing", path)
	}
	vocab := map[string]int64{}
	if err := json.Unmarshal(m.Vocab, &vocab); err != nil {
		return nil, fmt.Errorf("%s: model.vocab: %w", path, err)
	}
	for _, a := range file.Added {
		vocab[a.Content] = a.ID
	}
	rules := make([]pair, len(m.Merges))
	for i, r := range m.Merges {
		rules[i] = pair(r)
	}
	t, err := build(vocab, rules)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// mergeRule is written as "a b" or ["a", "b"].
type mergeRule pair

func (m *mergeRule) UnmarshalJSON(data []byte) error {
	var two []string
	if data[0] == '"' {
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		two = strings.Split(s, " ")
	} else if err := json.Unmarshal(data, &two); err != nil {
		return err
	}
	if len(two) != 2 {
		return fmt.Errorf("merge rule %s does not have two parts", data)
	}
	*m = mergeRule{two[0], two[1]}
	return nil
}

// OpenVocab reads a vocab.json (token → id) and a merges.txt (one pair a line, first learned first).
func OpenVocab(vocabPath, mergesPath string) (*Tokenizer, error) {
	data, err := readFile(vocabPath)
	if err != nil {
		return nil, err
	}
	var vocab map[string]int64
	if err := json.Unmarshal(data, &vocab); err != nil {
		return nil, fmt.Errorf("%s: %w", vocabPath, err)
	}
	rules, err := readMerges(mergesPath)
	if err != nil {
		return nil, err
	}
	t, err := build(vocab, rules)
	if err != nil {
		return nil, fmt.Errorf("%s with %s: %w", vocabPath, mergesPath, err)
	}
	return t, nil
}

// OpenMerges reads CLIP's own bpe_simple_vocab_16e6.txt (decompressed): its first 48,894 merges define the
// vocabulary of 49,408 tokens.
func OpenMerges(path string) (*Tokenizer, error) {
	rules, err := readMerges(path)
	if err != nil {
		return nil, err
	}
	const learned = 49152 - 256 - 2
	rules = rules[:min(len(rules), learned)]
	t, err := build(vocabulary(rules), rules)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// vocabulary numbers the byte symbols in order of their printable form, the same at a word's end, the merges,
// and the two markers.
func vocabulary(rules []pair) map[string]int64 {
	vocab := make(map[string]int64, 514+len(rules))
	add := func(s string) { vocab[s] = int64(len(vocab)) }
	for _, suffix := range []string{"", endOfWord} {
		for _, want := range []bool{true, false} { // printable bytes come first
			for b := range 256 {
				if printable(rune(b)) == want {
					add(byteSymbol[b] + suffix)
				}
			}
		}
	}
	for _, r := range rules {
		add(r.left + r.right)
	}
	add(startOfText)
	add(endOfText)
	return vocab
}

func readMerges(path string) ([]pair, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	var rules []pair
	scan := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; scan.Scan(); n++ {
		line := strings.TrimRight(scan.Text(), "\r")
		if line == "" || n == 1 && strings.Contains(line, "#version") {
			continue
		}
		left, right, ok := strings.Cut(line, " ")
		if !ok || left == "" || right == "" || strings.Contains(right, " ") {
			return nil, fmt.Errorf("%s:%d: %q is not a pair of symbols", path, n, line)
		}
		rules = append(rules, pair{left, right})
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rules, nil
}

// build checks that what the rules make is in the vocabulary.
func build(vocab map[string]int64, rules []pair) (*Tokenizer, error) {
	t := &Tokenizer{vocab: vocab, rank: make(map[pair]int, len(rules)), cache: map[string][]int64{}}
	var ok bool
	if t.start, ok = vocab[startOfText]; !ok {
		return nil, errors.New("no token " + startOfText)
	}
	if t.end, ok = vocab[endOfText]; !ok {
		return nil, errors.New("no token " + endOfText)
	}
	for i, r := range rules {
		if _, ok := vocab[r.left+r.right]; !ok {
			return nil, fmt.Errorf("merge rule %d makes %q, which is not in the vocabulary", i, r.left+r.right)
		}
		if _, twice := t.rank[r]; !twice {
			t.rank[r] = i
		}
	}
	return t, nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s: not a regular file of at most %d bytes", path, maxFile)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}
