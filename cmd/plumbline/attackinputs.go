package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/text"
)

// inputConfig names what attacks are told beside the pictures.
type inputConfig struct {
	Head       string `yaml:"head,omitempty" json:"head,omitempty"`               // zero-shot, or the file of a saved head
	Labels     string `yaml:"labels,omitempty" json:"labels,omitempty"`           // prompts and classes of the zero-shot head, JSON
	Text       string `yaml:"text,omitempty" json:"text,omitempty"`               // their embeddings, .npy
	Target     string `yaml:"target,omitempty" json:"target,omitempty"`           // picture to imitate
	TargetText string `yaml:"target_text,omitempty" json:"target_text,omitempty"` // prompt to imitate, or .npy of embeddings
	Prototypes string `yaml:"prototypes,omitempty" json:"prototypes,omitempty"`   // folder of pictures that prototypes are made of
	Clusters   int    `yaml:"clusters,omitempty" json:"clusters,omitempty"`       // how many; 0 for 20
	Mix        string `yaml:"mix,omitempty" json:"mix,omitempty"`                 // folder of pictures to mix in
}

// aim turns an attack that can have a target towards the one that is given.
func (c inputConfig) aim(a attack.Attack) (attack.Attack, error) {
	for _, t := range []struct {
		flag, given, param string
		has                func(attack.Needs) bool
	}{
		{"--target", c.Target, "target=image", func(n attack.Needs) bool { return n.Image }},
		{"--target-text", c.TargetText, "target=embedding", func(n attack.Needs) bool { return n.Embedding }},
	} {
		if t.given == "" || t.has(attack.NeedsOf(a)) {
			continue
		}
		b, err := with(a, t.param)
		if err != nil {
			return nil, err
		}
		if !t.has(attack.NeedsOf(b)) {
			return nil, usagef("%s: %s aims at nothing; attacks that can: embedding, or any with objective=embedding(%s)", t.flag, attackName(a), t.param)
		}
		a = b
	}
	return a, nil
}

// check compares what is given with what the attack needs.
func (c inputConfig) check(a attack.Attack) error {
	n := attack.NeedsOf(a)
	for _, p := range []struct {
		needed bool
		given  string
		how    string
	}{
		{n.Head, c.Head, "a head and labels: give --head zero-shot (or the file of a saved head) and pictures in one folder per class"},
		{n.Image, c.Target, "a picture to imitate: give --target FILE"},
		{n.Embedding, c.TargetText, "an embedding to imitate: give --target-text with a prompt or an .npy file"},
		{n.Prototypes, c.Prototypes, "prototypes: give --prototypes with a folder of other pictures, or the parameter lambda=0"},
	} {
		if p.needed && p.given == "" {
			return usagef("%s needs %s", attackName(a), p.how)
		}
	}
	if c.Prototypes != "" && !n.Prototypes {
		return usagef("--prototypes: %s uses none; pa-attack does", attackName(a))
	}
	if c.Mix != "" && !n.MayMix {
		return usagef("--mix: %s mixes nothing in; admix does", attackName(a))
	}
	return nil
}

// attackName is the name without the parameters.
func attackName(a attack.Attack) string {
	name, _, _ := strings.Cut(a.String(), "(")
	return name
}

// attackInputs is what attacks are told, read and ready.
type attackInputs struct {
	head       *labelHead // nil for none
	classes    []string
	target     []*tensor.Dense
	embeddings [][]float32
	prototypes [][]float32
	mix        []*tensor.Dense
}

// open reads everything that is named. name is the encoder's.
func (c inputConfig) open(ctx context.Context, name string, enc encoder.Encoder, data *dataset.Dataset) (*attackInputs, error) {
	in := &attackInputs{classes: data.Classes}
	var err error
	if c.Head != "" {
		if in.head, err = c.openHead(name, data); err != nil {
			return nil, err
		}
	}
	if c.Target != "" {
		p, err := dataset.ReadImage(c.Target)
		if err != nil {
			return nil, fmt.Errorf("target: %w", err)
		}
		in.target = []*tensor.Dense{dataset.Planar(p)}
	}
	if c.TargetText != "" {
		if in.embeddings, err = c.openText(name, data.Len()); err != nil {
			return nil, err
		}
	}
	if c.Prototypes != "" {
		if in.prototypes, err = c.openPrototypes(ctx, enc); err != nil {
			return nil, err
		}
	}
	if c.Mix != "" {
		in.mix, err = picturesOf(c.Mix)
	}
	return in, err
}

func (c inputConfig) openHead(name string, data *dataset.Dataset) (*labelHead, error) {
	if len(data.Classes) == 0 {
		return nil, fmt.Errorf("%s has no classes: a head needs labels, so put the pictures in one folder per class or name their layout", data.Name)
	}
	if c.Head == "zero-shot" {
		p, err := openPrompts(config{Encoder: name, Labels: c.Labels, Text: c.Text})
		if err != nil {
			return nil, err
		}
		systems, err := p.systems(data)
		if err != nil {
			return nil, err
		}
		return newLabelHead(systems[0].Head)
	}
	raw, err := os.ReadFile(c.Head)
	if err != nil {
		return nil, fmt.Errorf("head: %w", err)
	}
	h, err := head.Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Head, err)
	}
	return newLabelHead(h)
}

// openText reads target embeddings: one for all pictures, or one for each.
func (c inputConfig) openText(name string, pictures int) ([][]float32, error) {
	if filepath.Ext(c.TargetText) == ".npy" {
		rows, err := text.OpenEmbeddings(c.TargetText)
		if err == nil && len(rows) != 1 && len(rows) != pictures {
			err = fmt.Errorf("%s has %d rows for %d pictures: give one for all, or one for each", c.TargetText, len(rows), pictures)
		}
		return rows, err
	}
	p, err := openPrompts(config{Encoder: name, Labels: c.Labels, Text: c.Text})
	if err != nil {
		return nil, err
	}
	i := slices.Index(p.Prompts, c.TargetText)
	if i < 0 {
		return nil, usagef("--target-text %q is none of the prompts: %s", c.TargetText, strings.Join(p.Prompts, "; "))
	}
	return p.rows[i : i+1], nil
}

func (c inputConfig) openPrototypes(ctx context.Context, enc encoder.Encoder) ([][]float32, error) {
	images, err := picturesOf(c.Prototypes)
	if err != nil {
		return nil, err
	}
	k := c.Clusters
	if k == 0 {
		k = min(20, len(images))
	}
	p, err := attack.BuildPrototypes(ctx, enc, images, k, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Prototypes, err)
	}
	return p, nil
}

// picturesOf decodes every picture of a folder.
func picturesOf(folder string) ([]*tensor.Dense, error) {
	samples, err := loadImages(folder)
	var out []*tensor.Dense
	for _, s := range samples {
		out = append(out, s.Image)
	}
	return out, err
}

// task is what an attack is told about some pictures, given with their places in the data set.
func (in *attackInputs) task(index []int, samples []*dataset.Sample) attack.Task {
	t := attack.Task{Images: in.target, Embeddings: in.embeddings, Prototypes: in.prototypes, Mix: in.mix}
	if len(in.embeddings) > 1 {
		t.Embeddings = nil
		for _, i := range index {
			t.Embeddings = append(t.Embeddings, in.embeddings[i])
		}
	}
	if in.head == nil {
		return t
	}
	t.Head = in.head
	for _, s := range samples {
		t.Labels = append(t.Labels, []int{s.Label})
	}
	return t
}
