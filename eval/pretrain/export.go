package pretrain

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
	"github.com/plumbline-ml/plumbline/internal/atomicfile"
	"github.com/plumbline-ml/plumbline/internal/npy"
	"github.com/plumbline-ml/plumbline/internal/onnx"
	"github.com/plumbline-ml/plumbline/internal/tower"
)

// halfLimit is the number of elements up to which a weight stays in float32.
const halfLimit = 4096

// labels is labels.json of a model: the zero-shot head, and what the text tower reads.
type labels struct {
	Prompts    []string    `json:"prompts"`
	LogitScale float64     `json:"logit_scale"`
	Mean       [3]float64  `json:"mean"`
	Std        [3]float64  `json:"std"`
	ImageSize  int         `json:"image_size"`
	Ensembles  [][]string  `json:"ensembles"` // the sentences whose mean stands for each prompt
	Vocabulary *Vocabulary `json:"vocabulary"`
	Recipe     Recipe      `json:"recipe"`
}

// Save writes the model to a folder: NAME.onnx and NAME-text.onnx with weights rounded to float16,
// labels.json and text-embeddings.npy. The trainer goes on with the rounded weights, so that what is
// measured afterwards is what was saved.
func (t *Trainer) Save(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := saveHalf(t.Image, filepath.Join(dir, t.Recipe.Name+".onnx")); err != nil {
		return err
	}
	if err := saveHalf(t.Text, filepath.Join(dir, t.Recipe.Name+"-text.onnx")); err != nil {
		return err
	}
	rows, err := t.ClassEmbeddings(ctx)
	if err != nil {
		return err
	}
	var flat []float32
	for _, r := range rows {
		flat = append(flat, r...)
	}
	if err := npy.Save(filepath.Join(dir, "text-embeddings.npy"), flat, len(rows), len(rows[0])); err != nil {
		return err
	}
	pre := t.Image.Spec().Preproc
	l := labels{LogitScale: t.LogitScale(), Mean: pre.Mean, Std: pre.Std, ImageSize: t.Recipe.Image.Size, Vocabulary: t.Vocab, Recipe: t.Recipe}
	for c, name := range surfaces.Defects {
		l.Prompts = append(l.Prompts, name)
		l.Ensembles = append(l.Ensembles, Prompts(c))
	}
	return atomicfile.Write(filepath.Join(dir, "labels.json"), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(l)
	})
}

// saveHalf saves a tower in float16 and rounds its weights.
func saveHalf(t *encoder.Trainable, path string) error {
	for _, p := range t.Params() {
		if len(p.Value) <= halfLimit {
			continue
		}
		for i, v := range p.Value {
			p.Value[i] = onnx.Float16To32(onnx.Float32To16(v))
		}
	}
	t.Sync()
	if err := t.Save(path); err != nil {
		return err
	}
	m, err := onnx.Open(path, onnx.DefaultLimits())
	if err != nil {
		return fmt.Errorf("pretrain: %w", err)
	}
	if err := tower.Half(m, halfLimit); err != nil {
		return fmt.Errorf("pretrain: %s: %w", path, err)
	}
	return m.Save(path)
}
