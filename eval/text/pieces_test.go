package text

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSequencesOfOthers compares with the ids that Hugging Face's library gives.
func TestSequencesOfOthers(t *testing.T) {
	raw, err := os.ReadFile("testdata/sequences.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string][]struct {
		Text string
		IDs  []int64
	}
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden) != 3 {
		t.Fatalf("%d tokenizers in sequences.json", len(golden))
	}
	for name, list := range golden {
		tok, err := OpenSequencer(filepath.Join("testdata", name+".json"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, g := range list {
			p := tok.(*Pieces)
			ids, err := p.Tokens(g.Text)
			got := append(append(slices.Clone(p.before), ids...), p.after...)
			if err != nil || !slices.Equal(got, g.IDs) {
				t.Errorf("%s of %q: %v, want %v, %v", name, g.Text, got, g.IDs, err)
			}
		}
	}
}

// TestPadding: a stated padding, the last marker without one, and tokenizer_config.json beside the file.
func TestPadding(t *testing.T) {
	seq := func(path, prompt string, n int) []int64 {
		t.Helper()
		tok, err := OpenSequencer(path)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := tok.Sequence(prompt, n)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	if got := seq("testdata/bytes.json", "a", 0); len(got) != 24 || !slices.Equal(got[:4], []int64{2, 263, 1, 0}) || got[23] != 0 {
		t.Errorf("stated padding: %v", got)
	}
	if got := seq("testdata/unigram.json", "a", 5); !slices.Equal(got, []int64{7, 1, 1, 1, 1}) {
		t.Errorf("the last marker pads: %v", got)
	}
	dir := t.TempDir()
	raw, err := os.ReadFile("testdata/unigram.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"tokenizer.json": string(raw), "tokenizer_config.json": `{"pad_token": {"content": "<pad>"}}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := seq(filepath.Join(dir, "tokenizer.json"), "a", 4); !slices.Equal(got, []int64{7, 1, 0, 0}) {
		t.Errorf("the configuration's padding: %v", got)
	}
	tok, err := OpenSequencer("testdata/unigram.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tok.Sequence("a photo of brushed metal", 4); err == nil || !strings.Contains(err.Error(), "at most 3 fit") {
		t.Errorf("a prompt that is too long: %v", err)
	}
}

// TestUnigramIsBest compares the sum of log-probabilities with that of every way to spell a word.
func TestUnigramIsBest(t *testing.T) {
	u := &unigram{id: map[string]int64{}, unknown: 0, least: -14}
	for i, p := range []string{"<unk>", "a", "b", "ab", "ba", "aba", "é", "bé"} {
		u.id[p] = int64(i)
		u.score = append(u.score, []float64{0, -2, -2.5, -3, -3.5, -4, -3, -9}[i])
		u.longest = max(u.longest, len(p))
	}
	var best func(s string) float64
	best = func(s string) float64 {
		if s == "" {
			return 0
		}
		top := math.Inf(-1)
		for p, id := range u.id {
			if rest, ok := strings.CutPrefix(s, p); ok {
				top = max(top, u.score[id]+best(rest))
			}
		}
		return top
	}
	for _, s := range []string{"abab", "babab", "aababaé", "bébé", "abaaba"} {
		ids, err := u.spell(s)
		if err != nil {
			t.Fatal(err)
		}
		var sum float64
		for _, id := range ids {
			sum += u.score[id]
		}
		if want := best(s); math.Abs(sum-want) > 1e-9 {
			t.Errorf("%s spelt as %v scores %v, the best way %v", s, ids, sum, want)
		}
	}
}

func TestWords(t *testing.T) {
	tok, err := OpenSequencer("../../models/surfaces-tiny/labels.json")
	if err != nil {
		t.Fatal(err)
	}
	got, err := tok.Sequence("A purple dent.", 0)
	if err != nil || len(got) != 16 || got[0] != 2 || got[1] < 3 || got[2] != 1 || got[3] < 3 || got[4] != 0 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := tok.Sequence("purple rain", 0); err == nil {
		t.Error("a prompt of unknown words was accepted")
	}
}

func TestPiecesRefuse(t *testing.T) {
	dir := t.TempDir()
	for text, says := range map[string]string{
		`{"model": {"type": "WordPiece", "vocab": {}}}`:                                                                     `"WordPiece" is none of BPE, Unigram, WordLevel`,
		`{"model": {"type": "Unigram", "vocab": {"a": 1}}}`:                                                                 "no list of pieces",
		`{"model": {"type": "Unigram", "vocab": [["a", "b"]]}}`:                                                             "entry 0",
		`{"model": {"type": "Unigram", "vocab": [["a", -1]], "unk_id": 4}}`:                                                 "unk_id 4 of 1",
		`{"model": {"type": "Unigram", "vocab": [["a", -1]], "byte_fallback": true}}`:                                       "<0x00>",
		`{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}}`:                                                  "merge rule 0",
		`{"model": {"type": "WordLevel", "vocab": {"a": 0}}, "normalizer": {"type": "Nmt"}}`:                                `normalizer: type "Nmt"`,
		`{"model": {"type": "WordLevel", "vocab": {"a": 0}}, "pre_tokenizer": {"type": "Metaspace"}}`:                       "pre_tokenizer",
		`{"model": {"type": "WordLevel", "vocab": {"a": 0}}, "normalizer": {"type": "Replace", "pattern": {"Regex": "("}}}`: "normalizer",
		`{"model": {"type": "WordLevel", "vocab": {"a": 0}}, "post_processor": {"type": "BertProcessing"}}`:                 `post_processor: type "BertProcessing"`,
		`{"vocabulary": {"words": [], "len": 3}}`:                                                                           "vocabulary of 0 words",
	} {
		path := filepath.Join(dir, "tokenizer.json")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenSequencer(path); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}

func FuzzPieces(f *testing.F) {
	var toks []*Pieces
	for _, name := range []string{"unigram", "bytes", "wordlevel"} {
		tok, err := OpenSequencer(filepath.Join("testdata", name+".json"))
		if err != nil {
			f.Fatal(err)
		}
		toks = append(toks, tok.(*Pieces))
	}
	for _, s := range []string{"a dent", "\xff\xfe▁▁", "日本 é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, p := range toks {
			if ids, err := p.Tokens(s); err == nil && slices.ContainsFunc(ids, func(id int64) bool { return id < 0 }) {
				t.Errorf("%q: %v", s, ids)
			}
		}
	})
}
