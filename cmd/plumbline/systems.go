package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/system"
	"github.com/plumbline-ml/plumbline/eval/text"
)

// systemConfig is a whole downstream system: exactly one of ONNX, Command and URL. docs/systems.md says what each
// field does.
type systemConfig struct {
	Name       string                 `yaml:"name"`
	Title      string                 `yaml:"title,omitempty"`
	ONNX       string                 `yaml:"onnx,omitempty"`
	Command    []string               `yaml:"command,omitempty,flow"`
	URL        string                 `yaml:"url,omitempty"`
	Headers    map[string]string      `yaml:"headers,omitempty"`
	Limits     *system.Limits         `yaml:"limits,omitempty"`
	Task       head.Task              `yaml:"task,omitempty"`
	Relation   string                 `yaml:"relation,omitempty"` // default black-box
	Preprocess *encoder.Preprocess    `yaml:"preprocess,omitempty"`
	Classes    []string               `yaml:"classes,omitempty,flow"`
	Map        map[string]string      `yaml:"map,omitempty"`
	Outputs    map[system.Kind]string `yaml:"outputs,omitempty"`
	Boxes      system.NetworkBoxes    `yaml:"boxes,omitempty"`
	Threshold  float64                `yaml:"threshold,omitempty"`
	Text       string                 `yaml:"text,omitempty"`
	Gallery    *dataConfig            `yaml:"gallery,omitempty"`
}

// relations are what a system can be to the attacked encoder.
var relations = []string{"same-weights", "fine-tuned", "other-architecture", "defended", "black-box"}

func checkRelation(name, relation string) error {
	if !slices.Contains(relations, relation) {
		return usagef("%s: relation %q is none of %s", name, relation, strings.Join(relations, ", "))
	}
	return nil
}

// parseSystem reads --system: [NAME=]FILE.onnx, [NAME=]URL, or [NAME=]COMMAND with its arguments.
func parseSystem(arg string) systemConfig {
	var c systemConfig
	what := arg
	if name, rest, ok := strings.Cut(arg, "="); ok && !strings.ContainsAny(name, "/:. {") {
		c.Name, what = name, rest
	}
	base := ""
	switch u, err := url.Parse(what); {
	case strings.HasSuffix(strings.ToLower(what), ".onnx") && !strings.Contains(what, "://"):
		c.ONNX, base = what, stem(what)
	case err == nil && (u.Scheme == "http" || u.Scheme == "https"):
		c.URL, base = what, u.Host
	default:
		if c.Command = strings.Fields(what); len(c.Command) > 0 {
			base = stem(c.Command[0])
		}
	}
	if c.Name == "" {
		c.Name = base
	}
	return c
}

func stem(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// paths are the fields that name files. A program in a command counts where it is given with a folder.
func (c *systemConfig) paths() []*string {
	out := []*string{&c.ONNX, &c.Text}
	for i, a := range c.Command {
		if i > 0 || strings.ContainsRune(a, '/') {
			out = append(out, &c.Command[i])
		}
	}
	if c.Gallery != nil {
		out = append(out, c.Gallery.paths()...)
	}
	return out
}

// open makes the system and says what it is.
func (c systemConfig) open(ctx context.Context, data *dataset.Dataset) (eval.WholeSystem, error) {
	w := eval.WholeSystem{Title: c.Title, Relation: c.Relation}
	if w.Relation == "" {
		w.Relation = "black-box"
	}
	if err := c.validate(w.Relation); err != nil {
		return w, err
	}
	classes, err := system.NewClasses(data.Classes, c.Classes, c.Map)
	if err != nil {
		return w, usagef("system %s: %w", c.Name, err)
	}
	w.Labels = classes.Labels()
	onEmbedding, err := c.head(ctx, classes, data)
	if err != nil {
		return w, fmt.Errorf("system %s: %w", c.Name, err)
	}
	w.System, w.Note, err = c.make(classes, onEmbedding)
	return w, err
}

func (c systemConfig) validate(relation string) error {
	given := 0
	for _, b := range []bool{c.ONNX != "", len(c.Command) > 0, c.URL != ""} {
		if b {
			given++
		}
	}
	switch {
	case c.Name == "":
		return usagef("systems: every system needs a name")
	case given != 1:
		return usagef("system %s: give exactly one of onnx, command and url", c.Name)
	case c.ONNX == "" && (c.Preprocess != nil || c.Outputs != nil || c.Boxes.Scores != "" || c.Boxes.Background != "" || c.Threshold != 0):
		return usagef("system %s: preprocess, outputs, boxes.scores, boxes.background and threshold are for ONNX files", c.Name)
	case c.ONNX != "" && c.Limits != nil, c.URL == "" && c.Headers != nil:
		return usagef("system %s: limits are for commands and endpoints, headers for endpoints", c.Name)
	case c.Text != "" && c.Gallery != nil:
		return usagef("system %s: give text or gallery, not both", c.Name)
	}
	return checkRelation("system "+c.Name, relation)
}

// make opens the file or prepares the black box; on reads the system's embedding, if it gives one.
func (c systemConfig) make(classes system.Classes, on head.Head) (system.System, string, error) {
	if c.ONNX != "" {
		return c.network(classes, on)
	}
	r := system.Reader{Task: c.Task, Classes: classes, Boxes: c.Boxes.Boxes, Head: on}
	switch {
	case on != nil:
		r.Task = on.Task()
	case r.Task == "":
		r.Task = head.Classification
	}
	l := system.DefaultLimits()
	if c.Limits != nil {
		l = *c.Limits
	}
	if c.URL != "" {
		s, err := system.NewHTTP(c.Name, c.URL, c.Headers, r, l)
		return s, "endpoint that is sent PNG files: " + withoutSecrets(c.URL), err
	}
	s, err := system.NewCommand(c.Name, c.Command, r, l)
	return s, "command that is given PNG files: " + strings.Join(c.Command, " "), err
}

// withoutSecrets is an address without user and query.
func withoutSecrets(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery = nil, ""
	return u.String()
}

func (c systemConfig) network(classes system.Classes, on head.Head) (system.System, string, error) {
	var opts []encoder.Option
	if c.Preprocess != nil {
		opts = append(opts, encoder.WithPreprocess(*c.Preprocess))
	}
	m, err := encoder.Open(c.ONNX, opts...)
	if err != nil {
		return nil, "", fmt.Errorf("system %s: %w", c.Name, err)
	}
	sum, err := hashFile(c.ONNX)
	if err != nil {
		return nil, "", err
	}
	s, err := system.NewNetwork(c.Name, m, system.NetworkConfig{Task: c.Task, Outputs: c.Outputs, Classes: classes, Boxes: c.Boxes,
		Head: on, Threshold: c.Threshold})
	note := fmt.Sprintf("ONNX file %s, sha256 %s, preprocessing %s", filepath.Base(c.ONNX), sum, m.Spec().Preproc)
	if c.Preprocess == nil && !strings.HasSuffix(m.Spec().Preproc.Source, ".json") {
		note += "; the preprocessing was assumed: state it under preprocess"
	}
	return s, note, err
}

// head is what answers from the system's embedding: text embeddings of the classes, or a gallery of images that
// the system embeds itself; nil where neither is given.
func (c systemConfig) head(ctx context.Context, classes system.Classes, data *dataset.Dataset) (head.Head, error) {
	switch {
	case c.Text != "":
		rows, err := text.OpenEmbeddings(c.Text)
		if err != nil {
			return nil, err
		}
		if rows, err = classes.Arrange(rows); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Text, err)
		}
		if c.Task == head.Retrieval {
			return head.NewTextGallery(c.Name, rows, classes.Labels(), indices(len(rows)))
		}
		return head.NewZeroShot(c.Name, rows, 100)
	case c.Gallery != nil:
		return c.gallery(ctx, classes, data)
	}
	return nil, nil
}

func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func (c systemConfig) gallery(ctx context.Context, classes system.Classes, data *dataset.Dataset) (head.Head, error) {
	shown, err := c.Gallery.open()
	if err != nil {
		return nil, err
	}
	if shown, err = shown.Relabel(data.Classes, nil); err != nil {
		return nil, err
	}
	if both := shared(shown, data); both != "" {
		return nil, usagef("%s is in the gallery and among the judged images", both)
	}
	images, problems := shown.LoadAll(ctx)
	if len(problems) > 0 {
		return nil, problems[0]
	}
	s, _, err := c.make(classes, system.Collector{})
	if err != nil {
		return nil, err
	}
	feats, err := system.Embeddings(ctx, s, images)
	if err != nil {
		return nil, err
	}
	width := len(feats[0].Acts[encoder.Embedding].Data)
	return head.NewImageGallery(c.Name, head.Source{Tap: encoder.Embedding, Width: width}, feats)
}

// wholeSystems opens the systems of a configuration.
func (c config) wholeSystems(ctx context.Context, data *dataset.Dataset) ([]eval.Group, []report.Flag, error) {
	var out []eval.Group
	var flags []report.Flag
	for _, s := range c.Systems {
		w, err := s.open(ctx, data)
		if err != nil {
			return nil, nil, err
		}
		g, err := eval.Whole(w, data)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, g)
		if n, ok := w.System.(*system.Network); ok && s.Preprocess != nil {
			more, err := overruled(s.Name, s.ONNX, n.Model())
			if err != nil {
				return nil, nil, err
			}
			flags = append(flags, more...)
		}
	}
	return out, flags, nil
}
