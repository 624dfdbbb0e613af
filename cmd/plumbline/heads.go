package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/models"
)

// headsConfig says which heads stand on the encoder beside the zero-shot inspectors: those in a folder, or
// a suite over all tasks trained on other images of the same classes.
type headsConfig struct {
	Files  string      `yaml:"files,omitempty"` // folder of heads saved with --save-heads, or an embedded model with heads
	Train  *dataConfig `yaml:"train,omitempty"` // images to train on; not among those that are judged
	Effort float64     `yaml:"effort,omitempty"`
	Seed   uint64      `yaml:"seed,omitempty"`
}

// headFile is the extension of saved heads.
const headFile = ".head"

// systems opens or trains the heads. It returns nothing where none are asked for. What a single head fails of is told
// in a flag and leaves the others alone.
func (h headsConfig) systems(ctx context.Context, cfg config, enc encoder.Encoder, data *dataset.Dataset, p *prompts) ([]eval.HeadSystem, []report.Flag, error) {
	var heads []head.Head
	var note string
	var failed []error
	var err error
	switch {
	case h.Files != "" && h.Train != nil:
		return nil, nil, usagef("heads: give files or train, not both")
	case h.Files != "":
		heads, failed, err = namedHeads(h.Files)
		note = "loaded from " + filepath.Base(h.Files)
	case h.Train != nil:
		heads, failed, note, err = h.train(ctx, enc, data, p)
	case cfg.Data.embedded() && slices.Contains(models.Names(), cfg.Encoder):
		heads, failed, err = embeddedHeads(cfg.Encoder)
		note = "embedded; trained on the images that the encoder was trained on, with docs/magnetic-tile.yaml"
	}
	if err != nil {
		return nil, nil, err
	}
	var flags []report.Flag
	for _, err := range failed {
		flags = append(flags, notMade(err))
	}
	var out []eval.HeadSystem
	for _, k := range heads {
		if k.Name() == zeroShotOfSuite {
			continue // the zero-shot inspectors are there already
		}
		if err := eval.Judgeable(k.Task(), data); err != nil {
			flags = append(flags, notMade(&head.BuildError{Head: k.Name(), Err: err}))
			continue
		}
		out = append(out, eval.HeadSystem{Head: k, Title: headTitle(k.Name()), Note: note})
	}
	slices.SortStableFunc(out, func(a, b eval.HeadSystem) int {
		return slices.Index(taskOrder, a.Head.Task()) - slices.Index(taskOrder, b.Head.Task())
	})
	return out, flags, nil
}

// notMade is the flag of a head that failed.
func notMade(err error) report.Flag {
	name := "a head"
	var b *head.BuildError
	if errors.As(err, &b) {
		name, err = headTitle(b.Head), b.Err
	}
	return report.Flag{Code: report.NotMade, Text: report.T("flag.not-made", name, err)}
}

// taskOrder is the order of tasks in a report.
var taskOrder = []head.Task{head.Classification, head.Anomaly, head.Segmentation, head.Detection, head.Captioning, head.VQA, head.Retrieval}

// loadHeads reads every saved head of a folder, in order of file name, and tells which it could not read.
func loadHeads(files fs.FS) (out []head.Head, failed []error, err error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		if path.Ext(e.Name()) != headFile {
			continue
		}
		raw, err := fs.ReadFile(files, e.Name())
		var h head.Head
		if err == nil {
			h, err = head.Decode(raw)
		}
		if err != nil {
			failed = append(failed, &head.BuildError{Head: e.Name(), Err: err})
			continue
		}
		out = append(out, h)
	}
	if len(out)+len(failed) == 0 {
		return nil, nil, fmt.Errorf("no *%s file in the folder of heads", headFile)
	}
	return out, failed, nil
}

// namedHeads reads a folder of heads, or those of an embedded model by its name when no such folder is there.
func namedHeads(name string) ([]head.Head, []error, error) {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) && slices.Contains(models.Names(), name) {
		heads, failed, err := embeddedHeads(name)
		if err == nil && len(heads) == 0 {
			err = usagef("heads: %s has none embedded", name)
		}
		return heads, failed, err
	}
	return loadHeads(os.DirFS(name))
}

func embeddedHeads(model string) ([]head.Head, []error, error) {
	files, err := models.Files(model)
	if err != nil {
		return nil, nil, err
	}
	sub, err := fs.Sub(files, "heads")
	if err != nil {
		return nil, nil, err
	}
	if _, err := fs.Stat(sub, "."); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	return loadHeads(sub)
}

// train builds the suite on the training images that can be read, and says on what.
func (h headsConfig) train(ctx context.Context, enc encoder.Encoder, data *dataset.Dataset, p *prompts) (heads []head.Head, failed []error, note string, err error) {
	train, err := h.Train.open()
	if err != nil {
		return nil, nil, "", err
	}
	if train, err = train.Relabel(data.Classes, nil); err != nil {
		return nil, nil, "", err
	}
	if both := shared(train, data); both != "" {
		return nil, nil, "", usagef("heads: %s is among the training images and among the judged ones", both)
	}
	samples, unread := train.LoadAll(ctx)
	if err := context.Cause(ctx); err != nil {
		return nil, nil, "", err
	}
	note = "trained on " + h.Train.describe()
	if problems := append(slices.Clone(train.Problems), unread...); len(problems) > 0 {
		note += fmt.Sprintf(", without %d files that could not be used, the first: %v", len(problems), problems[0])
	}
	s := head.Suite{Spec: enc.Spec(), Classes: data.Classes, Good: h.Train.good(), Seed: h.Seed, Effort: h.Effort}
	if s.Text, err = p.suite(data); err != nil {
		return nil, nil, "", err
	}
	feats, err := head.Extract(ctx, enc, samples, s.Taps())
	if err != nil {
		return nil, nil, "", err
	}
	heads, failed = s.Build(feats)
	return heads, failed, note, nil
}

// shared returns an image that is in both sets, by file or, for images without one, by identifier.
func shared(a, b *dataset.Dataset) string {
	name := func(s *dataset.Sample) string {
		if s.Path != "" {
			return filepath.Clean(s.Path)
		}
		return s.ID
	}
	seen := map[string]bool{}
	for _, s := range a.Samples {
		seen[name(s)] = true
	}
	for _, s := range b.Samples {
		if seen[name(s)] {
			return name(s)
		}
	}
	return ""
}

// saveHeads writes every head into dir.
func saveHeads(dir string, systems []eval.HeadSystem) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, s := range systems {
		name := strings.NewReplacer("/", "_", `\`, "_").Replace(s.Head.Name()) + headFile
		if err := head.Save(filepath.Join(dir, name), s.Head); err != nil {
			return err
		}
	}
	return nil
}

// zeroShotOfSuite is the suite's own zero-shot classifier.
const zeroShotOfSuite = "classify-zeroshot"

// headTitles are the suite's heads for people.
var headTitles = map[string]string{
	"classify-linear":         "Linear probe",
	"classify-linear-tokens":  "Linear probe on mean token",
	"classify-mlp":            "MLP on mean token",
	"classify-knn":            "k-NN classifier",
	"classify-prototypes":     "Class prototypes",
	"anomaly-memory":          "Memory bank, inner layers",
	"anomaly-memory-last":     "Memory bank, last layer",
	"anomaly-mahalanobis":     "Mahalanobis distance",
	"segment-linear":          "Linear per token",
	"segment-pixels":          "Linear per pixel",
	"segment-mlp-skips":       "MLP per token, several layers",
	"segment-knn":             "k-NN per token",
	"segment-zeroshot":        "Tokens against text",
	"detect-linear":           "Box head, linear",
	"detect-mlp-skips":        "Box head, MLP, several layers",
	"detect-pixels":           "Regions of linear pixels",
	"detect-prototypes":       "Prototype matching",
	"detect-regions-zeroshot": "Regions against text",
	"caption-retrieval":       "Caption retrieval",
	"caption-template":        "Caption template",
	"caption-decoder":         "Caption decoder",
	"vqa-net":                 "Answer classifier",
	"vqa-retrieval":           "Answer retrieval",
	"vqa-zeroshot":            "Prompted answers",
	"retrieve-image":          "Image retrieval",
	"retrieve-image-tokens":   "Image retrieval by mean token",
	"retrieve-text":           "Text retrieval",
}

func headTitle(name string) string {
	if t, ok := headTitles[name]; ok {
		return t
	}
	return name
}
