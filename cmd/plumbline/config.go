package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval"
)

// config is what check is asked to do: the contents of plumbline.yaml, with flags on top. Everything in it
// belongs to the claim and is printed into the report.
type config struct {
	Title      string              `yaml:"title,omitempty"`
	Encoder    string              `yaml:"encoder"`              // ONNX file or embedded model
	Preprocess *encoder.Preprocess `yaml:"preprocess,omitempty"` // instead of the file's own
	Labels     string              `yaml:"labels,omitempty"`     // JSON with prompts, logit_scale, classes
	Text       string              `yaml:"text,omitempty"`       // .npy, one row per prompt
	// TextEncoder makes the embeddings of the prompts instead of text.
	TextEncoder *textConfig     `yaml:"text_encoder,omitempty"`
	Data        dataConfig      `yaml:"data"`
	Heads       headsConfig     `yaml:"heads,omitempty"`
	Encoders    []encoderConfig `yaml:"encoders,omitempty"` // further ones, on which the images are replayed
	Systems     []systemConfig  `yaml:"systems,omitempty"`
	Inputs      inputConfig     `yaml:"inputs,omitempty"` // what some attacks need beside the images
	Attacks     []string        `yaml:"attacks,flow"`
	Eps         []string        `yaml:"eps,flow"`
	Steps       int             `yaml:"steps,omitempty"`
	Seed        uint64          `yaml:"seed"`
	Defenses    []string        `yaml:"defenses,omitempty"`  // defences of the encoder and guards on scores
	Adversity   adversityConfig `yaml:"adversity,omitempty"` // how hard these are attacked
	Gates       []string        `yaml:"gates,omitempty"`
}

// defaults is what check does without arguments.
func defaults() config {
	return config{Encoder: "inspect-tiny", Data: embeddedData(), Attacks: []string{"noise", "embedding", "prm"}, Eps: []string{"8/255"}}
}

// readConfig reads a configuration. Paths in it are relative to its folder.
func readConfig(path string) (config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return config{}, err
	}
	c, err := parseConfig(raw)
	if err != nil {
		return config{}, usagef("%s: %w", path, err)
	}
	base := defaults()
	if c.Encoder == "" {
		c.Encoder = base.Encoder
	}
	if c.Data.Path == "" {
		c.Data = base.Data
	}
	if len(c.Attacks) == 0 {
		c.Attacks = base.Attacks
	}
	if len(c.Eps) == 0 {
		c.Eps = base.Eps
	}
	c.rebase(filepath.Dir(path))
	return c, nil
}

// parseConfig reads YAML and refuses unknown fields.
func parseConfig(raw []byte) (config, error) {
	var c config
	if err := strictYAML(raw, &c); err != nil {
		return config{}, err
	}
	return c, nil
}

// strictYAML reads one document and refuses unknown fields; an empty one changes nothing.
func strictYAML(raw []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// rebase makes paths that exist below dir relative to the working folder. A name without a file, such as
// an embedded model's, stays as it is.
func (c *config) rebase(dir string) {
	paths := append([]*string{&c.Encoder, &c.Labels, &c.Text, &c.Inputs.Target, &c.Inputs.Prototypes, &c.Inputs.Mix},
		append(c.Data.paths(), c.Heads.paths()...)...)
	if c.TextEncoder != nil {
		paths = append(paths, c.TextEncoder.paths()...)
	}
	for i := range c.Encoders {
		paths = append(paths, c.Encoders[i].paths()...)
	}
	for i := range c.Systems {
		paths = append(paths, c.Systems[i].paths()...)
	}
	if c.Adversity.Clean != nil {
		paths = append(paths, &c.Adversity.Clean.Path)
	}
	rebase(dir, paths...)
}

// rebase does that for some paths.
func rebase(dir string, paths ...*string) {
	for _, p := range paths {
		if *p == "" || filepath.IsAbs(*p) {
			continue
		}
		if full := filepath.Join(dir, *p); exists(full) {
			*p = full
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// gates parses the gates; a mistake in one is wrong usage.
func (c config) gates() ([]eval.Gate, error) {
	var out []eval.Gate
	for _, text := range c.Gates {
		g, err := eval.ParseGate(text)
		if err != nil {
			return nil, usageError{err}
		}
		out = append(out, g)
	}
	return out, nil
}

// attempts crosses attacks and budgets.
func (c config) attempts() ([]eval.Attempt, error) {
	var out []eval.Attempt
	for _, e := range c.Eps {
		eps, err := attack.ParseEps(e)
		if err != nil {
			return nil, err
		}
		for _, name := range c.Attacks {
			if isWhiteBox(name) {
				continue
			}
			a, err := parseAttack(name, c.Steps, c.Seed)
			if err != nil {
				return nil, err
			}
			at := eval.Attempt{Name: name, Attack: a, Threat: attack.Linf(eps), Kind: kindOf(name), Knowledge: "encoder"}
			switch at.Kind {
			case "noise":
				at.Knowledge = "none"
			case "corruption":
				continue
			}
			out = append(out, at)
		}
	}
	return append(out, c.corruptions()...), nil
}

// corruptions are the attempts that keep to no budget: they are listed at ε = 1, once.
func (c config) corruptions() []eval.Attempt {
	var out []eval.Attempt
	for _, name := range c.Attacks {
		a, err := parseAttack(name, c.Steps, c.Seed)
		if err != nil || kindOf(name) != "corruption" {
			continue // attempts has reported it
		}
		out = append(out, eval.Attempt{Name: name, Attack: a, Threat: attack.Linf(attack.NewRatio(1, 1)), Kind: "corruption", Knowledge: "none"})
	}
	return out
}

// yaml prints the configuration for the report.
func (c config) yaml() (string, error) {
	raw, err := yaml.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("configuration: %w", err)
	}
	return string(raw), nil
}

// embeddedData are the twelve tiles, with the names that the embedded heads know.
func embeddedData() dataConfig {
	return dataConfig{Path: embeddedTiles, Part: "magnetic tile", Good: "none",
		Rename: map[string]string{"MT_Free": "none", "MT_Blowhole": "blowhole", "MT_Break": "break", "MT_Crack": "crack", "MT_Fray": "fray", "MT_Uneven": "uneven surface"}}
}
