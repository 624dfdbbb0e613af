package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/text"
)

// textConfig makes zero-shot heads from sentences with a text encoder in ONNX.
type textConfig struct {
	Encoder   string              `yaml:"encoder"`            // ONNX file
	Tokenizer string              `yaml:"tokenizer"`          // tokenizer.json, labels.json with words, or vocab.json,merges.txt
	Template  string              `yaml:"template,omitempty"` // where classes have no prompts: {} becomes the class; default "a photo of {}"
	Prompts   map[string][]string `yaml:"prompts,omitempty"`  // class of the data → sentences, whose mean direction counts
	Scale     float64             `yaml:"scale,omitempty"`    // logit scale; default the labels' or 100
}

const (
	defaultTemplate = "a photo of {}"
	classPlace      = "{}"
)

func (t *textConfig) paths() []*string {
	out := []*string{&t.Encoder}
	if !strings.Contains(t.Tokenizer, ",") {
		out = append(out, &t.Tokenizer)
	}
	return out
}

// addPrompt reads CLASS=SENTENCE; several sentences for one class are averaged.
func (t *textConfig) addPrompt(arg string) error {
	class, sentence, ok := strings.Cut(arg, "=")
	if !ok || class == "" || strings.TrimSpace(sentence) == "" {
		return usagef("--prompt %q: want CLASS=SENTENCE", arg)
	}
	if t.Prompts == nil {
		t.Prompts = map[string][]string{}
	}
	t.Prompts[class] = append(t.Prompts[class], sentence)
	return nil
}

func (t *textConfig) validate() error {
	switch {
	case t.Encoder == "" || t.Tokenizer == "":
		return usagef("prompts need a text encoder and its tokenizer: give both --text-encoder and --tokenizer")
	case t.Template != "" && !strings.Contains(t.Template, classPlace):
		return usagef("the template %q has no {} for the class", t.Template)
	case t.Template != "" && t.Prompts != nil:
		return usagef("give a template or prompts, not both")
	}
	return nil
}

// openText computes the embeddings of the sentences for the data's classes: the configuration's prompts, those of a
// labels file, or the template.
func openText(ctx context.Context, c config, data *dataset.Dataset) (*prompts, error) {
	t := c.TextEncoder
	if err := t.validate(); err != nil {
		return nil, err
	}
	if c.Text != "" {
		return nil, usagef("give text embeddings or a text encoder, not both")
	}
	p, sentences, err := t.sentences(c.Labels, data)
	if err != nil {
		return nil, err
	}
	m, err := encoder.OpenText(t.Encoder)
	if err != nil {
		return nil, err
	}
	tok, err := text.OpenSequencer(t.Tokenizer)
	if err != nil {
		return nil, err
	}
	for i, list := range sentences {
		rows, err := text.Embed(ctx, m, tok, list)
		if err != nil {
			return nil, fmt.Errorf("prompt %q: %w", p.Prompts[i], err)
		}
		row, err := text.Direction(rows)
		if err != nil {
			return nil, fmt.Errorf("prompt %q: %w", p.Prompts[i], err)
		}
		p.rows = append(p.rows, row)
	}
	if t.Scale != 0 {
		p.LogitScale = t.Scale
	}
	return p, nil
}

// sentences gives the prompts with the sentences that stand for each.
func (t *textConfig) sentences(labels string, data *dataset.Dataset) (*prompts, [][]string, error) {
	if t.Prompts == nil && labels != "" {
		return promptsOfLabels(labels)
	}
	p := &prompts{LogitScale: defaultScale, Classes: map[string]string{}}
	var all [][]string
	add := func(class string, sentences []string) {
		name := strings.Join(sentences, " / ")
		p.Prompts, p.Classes[class] = append(p.Prompts, name), name
		all = append(all, sentences)
	}
	if t.Prompts == nil {
		template := t.Template
		if template == "" {
			template = defaultTemplate
		}
		for _, class := range data.Classes {
			add(class, []string{strings.ReplaceAll(template, classPlace, strings.ReplaceAll(class, "_", " "))})
		}
		return p, all, nil
	}
	for _, class := range slices.Sorted(maps.Keys(t.Prompts)) {
		add(class, t.Prompts[class])
	}
	return p, all, nil
}

// promptsOfLabels reads the prompts of a labels file, with the ensembles of sentences that stand for them if it has any.
func promptsOfLabels(path string) (*prompts, [][]string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	var file struct {
		prompts
		Ensembles [][]string `json:"ensembles"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if file.Ensembles == nil {
		for _, p := range file.Prompts {
			file.Ensembles = append(file.Ensembles, []string{p})
		}
	}
	if len(file.Prompts) == 0 || len(file.Ensembles) != len(file.Prompts) {
		return nil, nil, fmt.Errorf("%s: %d prompts with %d ensembles", path, len(file.Prompts), len(file.Ensembles))
	}
	if file.LogitScale == 0 {
		file.LogitScale = defaultScale
	}
	return &file.prompts, file.Ensembles, nil
}
