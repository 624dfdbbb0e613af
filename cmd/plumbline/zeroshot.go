package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/text"
	"github.com/plumbline-ml/plumbline/models"
)

// prompts are the classes of a zero-shot head.
type prompts struct {
	Prompts    []string          `json:"prompts"`
	LogitScale float64           `json:"logit_scale"`
	Classes    map[string]string `json:"classes"` // class of the data → prompt; a class may also be a prompt itself
	rows       [][]float32       // text embedding of each prompt
}

// openPrompts reads labels and text embeddings, by default those of the embedded model; nil where there are none and
// none are needed.
func openPrompts(c config) (*prompts, error) {
	if (c.Labels == "") != (c.Text == "") {
		return nil, usagef("labels and text belong together: give both --labels and --text")
	}
	if c.Labels == "" {
		if !c.promptsNeeded() && !slices.Contains(models.Names(), c.Encoder) {
			return nil, nil
		}
		return embeddedPrompts(c.Encoder)
	}
	raw, err := os.ReadFile(c.Labels)
	if err != nil {
		return nil, err
	}
	p := new(prompts)
	if err := json.Unmarshal(raw, p); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Labels, err)
	}
	if p.rows, err = text.OpenEmbeddings(c.Text); err != nil {
		return nil, err
	}
	if len(p.rows) != len(p.Prompts) {
		return nil, fmt.Errorf("%s has %d rows, but %s has %d prompts", c.Text, len(p.rows), c.Labels, len(p.Prompts))
	}
	if p.LogitScale == 0 {
		p.LogitScale = defaultScale
	}
	return p, nil
}

// defaultScale is the logit scale of OpenAI's CLIP; it does not change which class wins.
const defaultScale = 100

// embeddedPrompts are those of an embedded model; any other encoder needs its own.
func embeddedPrompts(name string) (*prompts, error) {
	if !slices.Contains(models.Names(), name) {
		return nil, usagef("%s has no prompts: give --labels labels.json and --text embeddings.npy, or --text-encoder text.onnx and --tokenizer tokenizer.json", name)
	}
	m, err := models.Open(name)
	if err != nil {
		return nil, err
	}
	rows, err := m.TextEmbeddings()
	return &prompts{m.Labels.Prompts, m.Labels.LogitScale, m.Card.Classes, rows}, err
}

// row returns the index of the prompt of a class.
func (p *prompts) row(class string) (int, error) {
	want := class
	if mapped, ok := p.Classes[class]; ok {
		want = mapped
	}
	if i := slices.Index(p.Prompts, want); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("class %q has no prompt: name the folder like a prompt, or add \"classes\": {%q: \"…\"} to the labels file", class, class)
}

// systems builds the zero-shot inspectors. The first chooses among the prompts of the data's classes, as
// an inspector that knows which line it stands on does; where there are more prompts, a second chooses
// among all of them.
func (p *prompts) systems(data *dataset.Dataset) ([]eval.HeadSystem, error) {
	if p == nil {
		return nil, nil
	}
	order, err := p.order(data)
	if err != nil {
		return nil, err
	}
	own, err := p.head("zero-shot", order, data.Classes)
	if err != nil {
		return nil, err
	}
	heads := []eval.HeadSystem{own}
	if len(order) < len(p.Prompts) {
		labels := slices.Clone(data.Classes)
		for i, prompt := range p.Prompts {
			if !slices.Contains(order, i) {
				order, labels = append(order, i), append(labels, prompt)
			}
		}
		all, err := p.head("zero-shot-all", order, labels)
		if err != nil {
			return nil, err
		}
		heads = append(heads, all)
	}
	return heads, nil
}

// order returns the prompt of each class.
func (p *prompts) order(data *dataset.Dataset) ([]int, error) {
	if len(data.Classes) == 0 {
		return nil, fmt.Errorf("%s has no classes: a zero-shot head needs one folder per class", data.Name)
	}
	var order []int
	for _, class := range data.Classes {
		i, err := p.row(class)
		if err != nil {
			return nil, err
		}
		if slices.Contains(order, i) {
			return nil, fmt.Errorf("two classes have the prompt %q", p.Prompts[i])
		}
		order = append(order, i)
	}
	return order, nil
}

// suite gives the other zero-shot heads what they need of the text.
func (p *prompts) suite(data *dataset.Dataset) (*head.SuiteText, error) {
	if p == nil {
		return nil, nil
	}
	order, err := p.order(data)
	if err != nil {
		return nil, err
	}
	t := &head.SuiteText{Scale: p.LogitScale}
	for _, i := range order {
		t.Classes = append(t.Classes, p.rows[i])
	}
	return t, nil
}

func (p *prompts) head(id string, order []int, labels []string) (eval.HeadSystem, error) {
	var rows [][]float32
	var names []string
	for _, i := range order {
		rows, names = append(rows, p.rows[i]), append(names, p.Prompts[i])
	}
	h, err := head.NewZeroShot(id, rows, p.LogitScale)
	return eval.HeadSystem{Head: h, Title: fmt.Sprintf("Zero-shot (%d prompts)", len(rows)), Labels: labels,
		Note: "cosine of the embedding with the text embedding of: " + strings.Join(names, "; ")}, err
}
