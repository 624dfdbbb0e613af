package pretrain

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
	"github.com/plumbline-ml/plumbline/internal/pixelmap"
	"github.com/plumbline-ml/plumbline/internal/train"
)

// Tuning is all that decides a copy of an encoder that is trained further, whole, for one task: what becomes of an
// encoder whose users did not leave it frozen.
type Tuning struct {
	Name   string       `json:"name"`
	Base   string       `json:"base"` // embedded model to start from
	Task   head.Task    `json:"task"` // classification, by the embedding, or segmentation, by the last tokens
	Seed   uint64       `json:"seed"`
	Images int          `json:"images"` // training images: surfaces of the seed, from index 0
	Train  train.Config `json:"train"`
}

func (t Tuning) String() string {
	b, err := json.Marshal(t)
	if err != nil {
		return fmt.Sprintf("invalid tuning: %v", err)
	}
	return string(b)
}

// Tunings are the fine-tuned members of the embedded family.
var Tunings = []Tuning{
	{
		Name: "surfaces-tuned-classify", Base: "surfaces-tiny", Task: head.Classification, Seed: 4, Images: 9600,
		Train: train.Config{Steps: 300, Batch: 32, LR: 3e-4, Warmup: 30, Floor: 0.01, Decay: 0.05, Clip: 1, EMA: 0.98, Seed: 4},
	},
	{
		Name: "surfaces-tuned-segment", Base: "surfaces-tiny", Task: head.Segmentation, Seed: 5, Images: 9600,
		Train: train.Config{Steps: 300, Batch: 32, LR: 3e-4, Warmup: 30, Floor: 0.01, Decay: 0.05, Clip: 1, EMA: 0.98, Seed: 5},
	},
}

// FindTuning returns the tuning of that name.
func FindTuning(name string) (Tuning, error) {
	var names []string
	for _, t := range Tunings {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return Tuning{}, fmt.Errorf("pretrain: no tuning %q; there are %s", name, strings.Join(names, ", "))
}

// Tuner is an encoder in training for a task. A linear map from what the task reads to its classes is trained
// with it and thrown away.
type Tuner struct {
	Tuning  Tuning
	Encoder *encoder.Trainable
	data    *pool
	tap     encoder.Tap
	first   int // numbers at the tap that belong to prefix tokens
	head    *pixelmap.Map
}

// NewTuner starts from a copy of m.
func NewTuner(m *encoder.Model, t Tuning) (*Tuner, error) {
	u := &Tuner{Tuning: t}
	spec := m.Spec()
	var err error
	if u.Encoder, err = m.Trainable(); err != nil {
		return nil, err
	}
	switch t.Task {
	case head.Classification:
		u.tap, u.head = encoder.Embedding, pixelmap.New(spec.Embedding, 1, len(surfaces.Defects))
	case head.Segmentation:
		u.tap, u.head = encoder.Tokens, pixelmap.New(spec.Width, spec.Patch*spec.Patch, len(surfaces.Defects))
		u.first = spec.Prefix() * spec.Width
	default:
		return nil, fmt.Errorf("pretrain: no tuning for %s; there are %s and %s", t.Task, head.Classification, head.Segmentation)
	}
	d, err := surfaces.New(surfaces.Config{Seed: t.Seed, N: t.Images, Size: spec.ImageSize[0]})
	if err != nil {
		return nil, err
	}
	u.data = &pool{d, spec.Patch, make([]example, d.Len())}
	return u, nil
}

// Train runs the training; see [train.Run] for the checkpoint. identity tells encoders apart.
func (u *Tuner) Train(ctx context.Context, identity, checkpoint string, save int, progress func(train.Progress)) (*train.Result, error) {
	run := &train.Run{
		Config: u.Tuning.Train, Task: u, Identity: u.Tuning.String() + " " + identity,
		Params:     append(u.Encoder.Params(), u.head.Matrix, u.head.Bias),
		Checkpoint: checkpoint, Save: save, Progress: progress,
	}
	return run.Train(ctx)
}

// Len implements [train.Task].
func (u *Tuner) Len() int { return u.data.source.Len() }

// Sync implements [train.Task].
func (u *Tuner) Sync() { u.Encoder.Sync() }

// Validate implements [train.Task]: tunings are not stopped early.
func (u *Tuner) Validate(context.Context) (float64, error) { return 0, nil }

// Batch implements [train.Task].
func (u *Tuner) Batch(ctx context.Context, _ int, samples []int) (m train.Metrics, err error) {
	if err := u.data.draw(ctx, samples); err != nil {
		return m, err
	}
	images := make([]*tensor.Dense, len(samples))
	vectors, dLogits := make([][]float32, len(samples)), make([][]float32, len(samples))
	for i, k := range samples {
		images[i] = dataset.Planar(u.data.drawn[k].pixels)
	}
	losses, err := u.Encoder.Accumulate(ctx, images, []encoder.Tap{u.tap}, func(i int, act, cot []*tensor.Dense) (float64, error) {
		labels := u.labels(samples[i])
		clear(cot[0].Float32s()[:u.first])
		vectors[i] = append(vectors[i], act[0].Float32s()[u.first:]...)
		dLogits[i] = make([]float32, len(labels)*u.head.Classes)
		return u.head.Loss(vectors[i], labels, 1/float64(len(labels)), cot[0].Float32s()[u.first:], dLogits[i]), nil
	})
	if err != nil {
		return m, err
	}
	for i, l := range losses {
		m.Loss += l
		u.head.Accumulate(vectors[i], dLogits[i])
	}
	return m, nil
}

// labels are the classes that an image's vectors should give.
func (u *Tuner) labels(k int) []uint8 {
	e := u.data.drawn[k]
	if u.Tuning.Task == head.Classification {
		return []uint8{uint8(e.class)}
	}
	return e.cells
}
