package text

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// published holds token ids that other projects publish as CLIP's: the tests of shader-slang's example
// tokenizer and of others, made with Hugging Face's tokenizer.json of openai/clip-vit-large-patch14. Start and
// end are left out.
var published = []struct {
	text string
	ids  []int64
}{
	{"", nil},
	{"hello", []int64{3306}},
	{"Hello World", []int64{3306, 1002}},
	{"a photo of a cat", []int64{320, 1125, 539, 320, 2368}},
	{"a painting of a dog", []int64{320, 3086, 539, 320, 1929}},
	{"a beautiful landscape, digital art, trending on artstation", []int64{320, 1215, 5727, 267, 2794, 794, 267, 6087, 525, 1486, 2631}},
	{"portrait of a woman, highly detailed, 8k, photorealistic", []int64{5352, 539, 320, 2308, 267, 5302, 12609, 267, 279, 330, 267, 1153, 16157}},
	{"fantasy castle on a mountain, epic, cinematic lighting", []int64{5267, 3540, 525, 320, 3965, 267, 4991, 267, 25602, 5799}},
	{"the brown fox jumps over the lazy dog", []int64{518, 2866, 3240, 18911, 962, 518, 10753, 1929}},
	{"Portrait of an old wizard; highly-detailed, 8k, trending on ArtStation", []int64{5352, 539, 550, 896, 14295, 282, 5302, 268, 12609, 267, 279, 330, 267, 6087, 525, 1486, 2631}},
	{"123", []int64{272, 273, 274}},
	{"hello123world", []int64{3306, 272, 273, 274, 1002}},
	{"version 2.0", []int64{3273, 273, 269, 271}},
	{"50% off", []int64{276, 271, 260, 1007}},
	{"don't won't can't", []int64{847, 713, 1749, 713, 753, 713}},
	{"don't STOP me now 1234", []int64{847, 713, 1691, 614, 692, 272, 273, 274, 275}},
	{"it's a test", []int64{585, 568, 320, 1628}},
	{"What? Why! How...", []int64{768, 286, 1182, 256, 829, 678}},
	{"test@email.com", []int64{1628, 287, 4462, 269, 2464}},
	{"café résumé naïve", []int64{15304, 29106, 7054, 4166, 1097, 35689, 563}},
	{"café crème brûlée 🍰 & <html>", []int64{15304, 1075, 12138, 614, 711, 127, 119, 75, 13489, 30051, 261, 283, 18231, 285}},
	{"emoji 🎨", []int64{16327, 13461}},
	{"  multiple   spaces\tand\nnewlines  ", []int64{6470, 9006, 537, 1218, 3418}},
	{"toy", []int64{5988}},
	{"my", []int64{607}},
}

func subset(t testing.TB) *Tokenizer {
	t.Helper()
	tok, err := OpenVocab("testdata/vocab.json", "testdata/merges.txt")
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestPublishedTokens(t *testing.T) {
	checkPublished(t, subset(t))
}

// The whole file of CLIP, where it is at hand: PLUMBLINE_CLIP_BPE names the decompressed
// bpe_simple_vocab_16e6.txt. With PLUMBLINE_UPDATE=1 the subset in testdata is made from it.
func TestWholeVocabulary(t *testing.T) {
	path := os.Getenv("PLUMBLINE_CLIP_BPE")
	if path == "" {
		t.Skip("PLUMBLINE_CLIP_BPE is not set")
	}
	tok, err := OpenMerges(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(tok.vocab) != 49408 || tok.start != 49406 || tok.end != 49407 {
		t.Errorf("%d tokens, start %d, end %d", len(tok.vocab), tok.start, tok.end)
	}
	checkPublished(t, tok)
	if os.Getenv("PLUMBLINE_UPDATE") != "" {
		writeSubset(t, tok)
	}
}

func checkPublished(t *testing.T, tok *Tokenizer) {
	t.Helper()
	for _, c := range published {
		ids, err := tok.Tokens(c.text)
		if err != nil || !slices.Equal(ids, c.ids) {
			t.Errorf("%q: %v, %v; published %v", c.text, ids, err, c.ids)
		}
	}
}

// writeSubset keeps the byte symbols and the merges whose result is part of a word above: no other merge
// can take part in encoding them.
func writeSubset(t *testing.T, tok *Tokenizer) {
	spelled := map[string]bool{}
	for _, c := range published {
		for _, w := range words.FindAllString(clean(c.text), -1) {
			spelled[strings.Join(symbols(w), "")] = true
		}
	}
	vocab := map[string]int64{startOfText: tok.start, endOfText: tok.end}
	for _, b := range byteSymbol {
		vocab[b], vocab[b+endOfWord] = tok.vocab[b], tok.vocab[b+endOfWord]
	}
	rules := slices.SortedFunc(maps.Keys(tok.rank), func(a, b pair) int { return tok.rank[a] - tok.rank[b] })
	var merges strings.Builder
	for _, r := range rules {
		for w := range spelled {
			if strings.Contains(w, r.left+r.right) {
				vocab[r.left+r.right] = tok.vocab[r.left+r.right]
				fmt.Fprintln(&merges, r.left, r.right)
				break
			}
		}
	}
	data, err := json.MarshalIndent(vocab, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"vocab.json": string(data) + "\n", "merges.txt": merges.String()} {
		if err := os.WriteFile(filepath.Join("testdata", name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEncodePadsAndRefusesLongPrompts(t *testing.T) {
	tok := subset(t)
	ids, err := tok.Encode("a photo of a cat")
	if err != nil || len(ids) != Context {
		t.Fatalf("%v, %v", ids, err)
	}
	if want := []int64{49406, 320, 1125, 539, 320, 2368, 49407, 0}; !slices.Equal(ids[:8], want) || ids[76] != 0 {
		t.Errorf("%v", ids)
	}
	if ids, _ := tok.WithPad(49407).Encode("cat"); ids[3] != 49407 || ids[76] != 49407 {
		t.Errorf("padding %v", ids[3:])
	}
	if ids, err := tok.Encode(strings.Repeat("cat ", 75)); err != nil || ids[75] != 2368 || ids[76] != 49407 {
		t.Errorf("75 tokens: %v", err)
	}
	if _, err := tok.Encode(strings.Repeat("cat ", 76)); err == nil || !strings.Contains(err.Error(), "76 tokens") {
		t.Errorf("76 tokens: %v", err)
	}
	if _, err := tok.Tokens(strings.Repeat("x", maxPrompt+1)); err == nil {
		t.Error("a prompt beyond the limit was accepted")
	}
}

func TestTokenizerJSON(t *testing.T) {
	vocab, err := os.ReadFile("testdata/vocab.json")
	if err != nil {
		t.Fatal(err)
	}
	merges, err := os.ReadFile("testdata/merges.txt")
	if err != nil {
		t.Fatal(err)
	}
	var asStrings []string
	var asPairs [][]string
	for _, line := range strings.Split(strings.TrimSpace(string(merges)), "\n") {
		asStrings, asPairs = append(asStrings, line), append(asPairs, strings.Split(line, " "))
	}
	for name, rules := range map[string]any{"strings": asStrings, "pairs": asPairs} {
		encoded, _ := json.Marshal(rules)
		path := filepath.Join(t.TempDir(), "tokenizer.json")
		body := fmt.Sprintf(`{"added_tokens":[{"id":49406,"content":"<|startoftext|>"}],"model":{"type":"BPE","end_of_word_suffix":"</w>","vocab":%s,"merges":%s}}`, vocab, encoded)
		if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
		tok, err := Open(path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		checkPublished(t, tok)
	}
}

func TestFilesThatAreNotTokenizers(t *testing.T) {
	for name, body := range map[string]string{
		"not JSON": "x", "other model": `{"model":{"type":"Unigram","vocab":{}}}`,
		"no suffix": `{"model":{"type":"BPE","vocab":{}}}`, "no vocab": `{"model":{"end_of_word_suffix":"</w>"}}`,
		"no markers":    `{"model":{"end_of_word_suffix":"</w>","vocab":{"a":1}}}`,
		"three parts":   `{"model":{"end_of_word_suffix":"</w>","vocab":{"a":1},"merges":["a b c"]}}`,
		"unknown merge": `{"model":{"end_of_word_suffix":"</w>","vocab":{"<|startoftext|>":1,"<|endoftext|>":2},"merges":["a b"]}}`,
	} {
		path := filepath.Join(t.TempDir(), "tokenizer.json")
		if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "tokenizer.json") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a folder was accepted")
	}
}

func FuzzTokens(f *testing.F) {
	tok := subset(f)
	f.Add("a photo of a cat")
	f.Add("\xff\xfe &amp;amp; é")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := tok.Tokens(s)
		b, again := tok.Tokens("  " + s + "\n")
		if err == nil && (again != nil || !slices.Equal(a, b)) {
			t.Fatalf("%q: %v, with blanks around it %v (%v)", s, a, b, again)
		}
	})
}
