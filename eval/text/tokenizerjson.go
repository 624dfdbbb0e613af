package text

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
)

// tokenizerJSON is what is read of a tokenizer.json, or of a labels.json with words.
type tokenizerJSON struct {
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Padding       *struct {
		Strategy json.RawMessage `json:"strategy"`
		PadID    int64           `json:"pad_id"`
	} `json:"padding"`
	Model struct {
		Type         string          `json:"type"`
		Suffix       string          `json:"end_of_word_suffix"`
		Vocab        json.RawMessage `json:"vocab"`
		Merges       []mergeRule     `json:"merges"`
		UnkID        *int64          `json:"unk_id"`
		UnkToken     string          `json:"unk_token"`
		ByteFallback bool            `json:"byte_fallback"`
	} `json:"model"`
	Added []struct {
		ID      int64  `json:"id"`
		Content string `json:"content"`
	} `json:"added_tokens"`
	Words *wordList `json:"vocabulary"`
}

func readTokenizerJSON(path string) (*tokenizerJSON, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	file := new(tokenizerJSON)
	if err := json.Unmarshal(data, file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

func newPieces(path string, file *tokenizerJSON) (*Pieces, error) {
	p, err := file.pieces(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func (f *tokenizerJSON) pieces(path string) (*Pieces, error) {
	p := &Pieces{}
	vocab, err := f.model(p)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	for _, a := range f.Added {
		vocab[a.Content] = a.ID
	}
	if p.normal, err = normalizers(f.Normalizer); err != nil {
		return nil, fmt.Errorf("normalizer: %w", err)
	}
	if p.cut, err = cutters(f.PreTokenizer); err != nil {
		return nil, fmt.Errorf("pre_tokenizer: %w", err)
	}
	if p.before, p.after, err = markers(f.PostProcessor); err != nil {
		return nil, fmt.Errorf("post_processor: %w", err)
	}
	return p, f.padding(p, path, vocab)
}

// model sets how parts are spelt and returns the vocabulary.
func (f *tokenizerJSON) model(p *Pieces) (map[string]int64, error) {
	if f.Model.Type == "Unigram" {
		return f.unigram(p)
	}
	vocab := map[string]int64{}
	if err := json.Unmarshal(f.Model.Vocab, &vocab); err != nil {
		return nil, fmt.Errorf("vocab: %w", err)
	}
	unknown := int64(-1)
	if id, ok := vocab[f.Model.UnkToken]; ok {
		unknown = id
	}
	switch f.Model.Type {
	case "WordLevel":
		p.spell = wholeWords(vocab, unknown)
	case "BPE", "":
		rank := make(map[pair]int, len(f.Model.Merges))
		for i, r := range f.Model.Merges {
			if _, ok := vocab[r.left+r.right]; !ok {
				return nil, fmt.Errorf("merge rule %d makes %q, which is not in the vocabulary", i, r.left+r.right)
			}
			rank[pair(r)] = i
		}
		bytes, err := f.fallback(vocab)
		if err != nil {
			return nil, err
		}
		p.spell = (&characters{id: vocab, merges: &Tokenizer{rank: rank}, unknown: unknown, bytes: bytes}).spell
	default:
		return nil, fmt.Errorf("type %q is none of BPE, Unigram, WordLevel", f.Model.Type)
	}
	return vocab, nil
}

func (f *tokenizerJSON) unigram(p *Pieces) (map[string]int64, error) {
	var list [][2]any
	if err := json.Unmarshal(f.Model.Vocab, &list); err != nil || len(list) == 0 {
		return nil, fmt.Errorf("vocab is no list of pieces with scores: %v", err)
	}
	u := &unigram{id: make(map[string]int64, len(list)), unknown: -1, least: math.Inf(1)}
	for i, entry := range list {
		piece, ok := entry[0].(string)
		score, okScore := entry[1].(float64)
		if !ok || !okScore {
			return nil, fmt.Errorf("vocab entry %d is no piece with a score", i)
		}
		u.id[piece] = int64(i)
		u.score = append(u.score, score)
		u.longest, u.least = max(u.longest, len(piece)), min(u.least, score)
	}
	u.least -= unknownPenalty
	if id := f.Model.UnkID; id != nil {
		if *id < 0 || *id >= int64(len(list)) {
			return nil, fmt.Errorf("unk_id %d of %d pieces", *id, len(list))
		}
		u.unknown = *id
	}
	var err error
	if u.bytes, err = f.fallback(u.id); err != nil {
		return nil, err
	}
	p.spell = u.spell
	all := make(map[string]int64, len(u.id))
	for k, v := range u.id {
		all[k] = v
	}
	return all, nil
}

// fallback gives the ids of the bytes, nil where characters that are not known have none.
func (f *tokenizerJSON) fallback(vocab map[string]int64) (*[256]int64, error) {
	if !f.Model.ByteFallback {
		return nil, nil
	}
	var ids [256]int64
	for b := range ids {
		id, ok := vocab[fmt.Sprintf("<0x%02X>", b)]
		if !ok {
			return nil, fmt.Errorf("byte_fallback without <0x%02X> in the vocabulary", b)
		}
		ids[b] = id
	}
	return &ids, nil
}

// padding finds the padding token: the one that the file states, or tokenizer_config.json beside it, or the last
// marker, or <pad>.
func (f *tokenizerJSON) padding(p *Pieces, path string, vocab map[string]int64) error {
	if pad := f.Padding; pad != nil {
		p.pad = pad.PadID
		var fixed struct{ Fixed int }
		if json.Unmarshal(pad.Strategy, &fixed) == nil && fixed.Fixed > 0 && fixed.Fixed <= 1<<14 {
			p.length = fixed.Fixed
		}
		return nil
	}
	config := filepath.Join(filepath.Dir(path), "tokenizer_config.json")
	data, err := readFile(config)
	switch {
	case err == nil:
		var c struct {
			Pad json.RawMessage `json:"pad_token"`
		}
		if err := json.Unmarshal(data, &c); err != nil {
			return fmt.Errorf("%s: %w", config, err)
		}
		if id, ok := vocab[padName(c.Pad)]; ok {
			p.pad = id
			return nil
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if n := len(p.after); n > 0 {
		p.pad = p.after[n-1]
	} else {
		p.pad = vocab["<pad>"]
	}
	return nil
}

// padName reads a token given by its name or as an object with its content.
func padName(raw json.RawMessage) string {
	var name string
	if json.Unmarshal(raw, &name) == nil {
		return name
	}
	var object struct{ Content string }
	if json.Unmarshal(raw, &object) != nil {
		return ""
	}
	return object.Content
}

// markers reads the tokens before and after a single text.
func markers(raw json.RawMessage) (before, after []int64, err error) {
	var t struct {
		Type       string            `json:"type"`
		Processors []json.RawMessage `json:"processors"`
		Single     []struct {
			Special *struct{ ID string } `json:"SpecialToken"`
			Text    *struct{ ID string } `json:"Sequence"`
		} `json:"single"`
		Tokens map[string]struct{ IDs []int64 } `json:"special_tokens"`
	}
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil, nil
	}
	if err := json.Unmarshal(raw, &t); err != nil {
		return nil, nil, err
	}
	switch t.Type {
	case "ByteLevel": // changes offsets only
		return nil, nil, nil
	case "Sequence":
		for _, p := range t.Processors {
			b, a, err := markers(p)
			if err != nil {
				return nil, nil, err
			}
			before, after = append(b, before...), append(after, a...)
		}
		return before, after, nil
	case "TemplateProcessing":
	default:
		return nil, nil, fmt.Errorf("type %q is not known", t.Type)
	}
	seen := false
	for _, s := range t.Single {
		switch {
		case s.Text != nil:
			seen = true
		case s.Special != nil && seen:
			after = append(after, t.Tokens[s.Special.ID].IDs...)
		case s.Special != nil:
			before = append(before, t.Tokens[s.Special.ID].IDs...)
		}
	}
	return before, after, nil
}
