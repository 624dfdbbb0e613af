package main

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/models"
)

// encoderConfig is a further encoder with heads of its own, on which the images that were made for the first are
// replayed: the same weights behind another preprocessing, fine-tuned, of another architecture, or defended.
type encoderConfig struct {
	Name       string              `yaml:"name,omitempty"` // before the heads' names; default: the file's
	Path       string              `yaml:"path"`           // ONNX file or embedded model
	Relation   string              `yaml:"relation"`       // same-weights, fine-tuned, other-architecture, defended
	Preprocess *encoder.Preprocess `yaml:"preprocess,omitempty"`
	// Labels and Text are of zero-shot heads. An embedded model has its own; a file without takes those of the
	// first encoder, unless it is of another architecture.
	Labels string       `yaml:"labels,omitempty"`
	Text   string       `yaml:"text,omitempty"`
	Heads  *headsConfig `yaml:"heads,omitempty"` // default: trained on the images that the first encoder's are trained on
}

func (e *encoderConfig) paths() []*string {
	out := []*string{&e.Path, &e.Labels, &e.Text}
	if e.Heads != nil {
		out = append(out, e.Heads.paths()...)
	}
	return out
}

func (h *headsConfig) paths() []*string {
	out := []*string{&h.Files}
	if h.Train != nil {
		out = append(out, h.Train.paths()...)
	}
	return out
}

// alone is the configuration as if this encoder were the only one.
func (e encoderConfig) alone(c config) config {
	c.Encoder, c.Preprocess = e.Path, e.Preprocess
	if e.Labels != "" || slices.Contains(models.Names(), e.Path) || e.Relation == "other-architecture" {
		c.Labels, c.Text, c.TextEncoder = e.Labels, e.Text, nil
	}
	c.Encoders, c.Systems = nil, nil
	if e.Heads != nil {
		c.Heads = *e.Heads
	}
	if e.Heads == nil {
		c.Heads.Files = "" // which were trained on another encoder's tokens
	}
	return c
}

// standing is an encoder with the heads that stand on it.
type standing struct {
	enc      *encoder.Model
	artifact report.Artifact
	zero     []eval.HeadSystem // zero-shot inspectors
	heads    []eval.HeadSystem // what was loaded or trained
	prompts  *prompts          // nil where there are none for the data's classes
	flags    []report.Flag     // what the report says about them
}

// stand opens the encoder, its prompts and its heads.
func (c config) stand(ctx context.Context, data *dataset.Dataset) (standing, error) {
	var s standing
	p, err := c.prompts(ctx, data)
	if err != nil {
		return s, err
	}
	if s.enc, s.artifact, err = openConfigured(c); err != nil {
		return s, err
	}
	if s.zero, err = p.systems(data); err != nil {
		if c.promptsNeeded() {
			return s, err
		}
		p = nil // the embedded model's prompts are about other classes
	}
	s.prompts = p
	if s.heads, s.flags, err = c.Heads.systems(ctx, c, s.enc, data, p); err != nil || c.Preprocess == nil {
		return s, err
	}
	flags, err := overruled(s.enc.Spec().Name, c.Encoder, s.enc)
	s.flags = append(s.flags, flags...)
	return s, err
}

// prompts are the encoder's prompts with their embeddings.
func (c config) prompts(ctx context.Context, data *dataset.Dataset) (*prompts, error) {
	if c.TextEncoder != nil {
		return openText(ctx, c, data)
	}
	return openPrompts(c)
}

// promptsNeeded reports whether a zero-shot head was asked for, or is all that there would be to judge.
func (c config) promptsNeeded() bool {
	return c.Labels != "" || c.TextEncoder != nil || c.Heads.Files == "" && c.Heads.Train == nil && len(c.Systems) == 0
}

// groups opens everything that is judged; the first encoder is the one that is attacked.
func (c config) groups(ctx context.Context, data *dataset.Dataset, save string) (standing, []eval.Group, []report.Flag, error) {
	first, err := c.stand(ctx, data)
	if err != nil {
		return first, nil, nil, err
	}
	var out []eval.Group
	var flags []report.Flag
	add := func(s standing, relation, prefix, folder string) error {
		flags = append(flags, s.flags...)
		if folder != "" {
			if err := saveHeads(folder, s.heads); err != nil {
				return err
			}
		}
		heads := append(s.zero, s.heads...)
		if len(heads) == 0 {
			return nil
		}
		g, err := eval.Heads(s.enc, relation, prefix, data, heads...)
		out = append(out, g)
		return err
	}
	if err := add(first, "same-weights", "", save); err != nil {
		return first, nil, nil, err
	}
	for _, e := range c.Encoders {
		s, err := e.open(ctx, c, data)
		if err != nil {
			return first, nil, nil, err
		}
		folder := ""
		if save != "" {
			folder = filepath.Join(save, e.name())
		}
		if err := add(s, e.Relation, e.name()+"/", folder); err != nil {
			return first, nil, nil, err
		}
	}
	whole, more, err := c.wholeSystems(ctx, data)
	return first, append(out, whole...), append(flags, more...), err
}

func (e encoderConfig) name() string {
	if e.Name != "" {
		return e.Name
	}
	return stem(e.Path)
}

// open opens a further encoder; the titles of its heads begin with its name.
func (e encoderConfig) open(ctx context.Context, c config, data *dataset.Dataset) (standing, error) {
	if e.Path == "" {
		return standing{}, usagef("encoders: every encoder needs a path")
	}
	if err := checkRelation("encoder "+e.name(), e.Relation); err != nil {
		return standing{}, err
	}
	s, err := e.alone(c).stand(ctx, data)
	for _, f := range s.flags {
		if f.Code == report.NotMade {
			f.Text.Args[0] = e.name() + ": " + f.Text.Args[0]
		}
	}
	for _, heads := range [][]eval.HeadSystem{s.zero, s.heads} {
		for i := range heads {
			heads[i].Title = e.name() + ": " + heads[i].Title
			heads[i].Note += "; encoder " + s.artifact.Name + ", sha256 " + s.artifact.SHA256
		}
	}
	return s, err
}
