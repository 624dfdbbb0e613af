package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/pretrain"
	"github.com/plumbline-ml/plumbline/internal/atomicfile"
	"github.com/plumbline-ml/plumbline/models"
)

// tune trains a copy of an embedded encoder for one task, and that task's head on what came out.
func tune(c *cobra.Command, t pretrain.Tuning, out string, test int) error {
	base, err := models.Open(t.Base)
	if err != nil {
		return err
	}
	m, err := base.Encoder()
	if err != nil {
		return err
	}
	u, err := pretrain.NewTuner(m, t)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	file, _ := base.Card.File(t.Base + ".onnx")
	checkpoint := filepath.Join(out, t.Name+".checkpoint")
	res, err := u.Train(c.Context(), "encoder "+file.SHA256, checkpoint, 50, trainingLog(c.ErrOrStderr(), false))
	if err != nil {
		return err
	}
	path := filepath.Join(out, t.Name+".onnx")
	if err := u.Encoder.Save(path); err != nil {
		return err
	}
	for name, content := range map[string][]byte{"labels.json": base.RawLabels, "text-embeddings.npy": base.Text} {
		if err := atomicfile.Write(filepath.Join(out, name), func(w io.Writer) error { _, err := w.Write(content); return err }); err != nil {
			return err
		}
	}
	// What is measured is what was saved.
	e, _, err := openFamily(path)
	if err != nil {
		return err
	}
	heads, err := pretrain.Heads{Seed: 1, N: headImages / 2, Tasks: []head.Task{t.Task}}.Fit(c.Context(), e)
	if err != nil {
		return err
	}
	if err := pretrain.SaveHeads(filepath.Join(out, "heads"), heads); err != nil {
		return err
	}
	score, err := pretrain.Bench{Seed: 1, Test: test}.Clean(c.Context(), e, heads[0])
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%s: weights of step %d; %s of %s on %d unseen surfaces: %.3f\n", t.Name, res.Steps, score.Metric, heads[0].Name(), test, score.Value)
	return os.Remove(checkpoint)
}

// headImages is how many drawn images the family's heads are fitted to.
const headImages = 2800

// trainHeads fits a head for each task to an embedded model and writes them to OUT/heads.
func trainHeads(c *cobra.Command, name, out string) error {
	m, err := models.Open(name)
	if err != nil {
		return usageError{err}
	}
	e, err := m.Encoder()
	if err != nil {
		return err
	}
	text, err := m.TextEmbeddings()
	if err != nil {
		return err
	}
	heads, err := pretrain.Heads{Seed: 1, N: headImages, Text: text}.Fit(c.Context(), e)
	if err != nil {
		return err
	}
	for _, h := range heads {
		fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", h.Name(), h.Task())
	}
	return pretrain.SaveHeads(filepath.Join(out, "heads"), heads)
}
