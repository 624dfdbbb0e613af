// Package pretrain trains CLIP-style encoders from nothing on drawn inspection images and their
// captions: the models that are embedded in the library, and any other of their kind. Everything follows
// from the recipe and its seed.
package pretrain

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
	"github.com/plumbline-ml/plumbline/internal/onnx"
	"github.com/plumbline-ml/plumbline/internal/tower"
	"github.com/plumbline-ml/plumbline/internal/train"
)

// Recipe is all that decides a model.
type Recipe struct {
	Name   string       `json:"name"`
	Image  tower.Image  `json:"image"`
	Text   tower.Text   `json:"text"` // Vocab and Len follow from the captions
	Seed   uint64       `json:"seed"`
	Images int          `json:"images"`          // training images: surfaces of the seed, from index 0
	Held   int          `json:"held"`            // images for validation, from index HeldFrom
	Dense  float64      `json:"dense,omitempty"` // weight of the loss on patch tokens; 0 for none
	Train  train.Config `json:"train"`
}

// HeldFrom is the index of the first validation image; test images begin at TestFrom.
const (
	HeldFrom = 1 << 24
	TestFrom = 1 << 25
)

func (r Recipe) String() string {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Sprintf("invalid recipe: %v", err)
	}
	return string(b)
}

// maxWords is the number of ids of a caption.
const maxWords = 16

// Trainer is a model in training.
type Trainer struct {
	Recipe Recipe
	Vocab  *Vocabulary
	Image  *encoder.Trainable
	Text   *encoder.Trainable

	data   *pool
	held   []example
	dense  *dense       // nil for none
	scale  *train.Param // logarithm of the logit scale
	params []*train.Param
}

// New draws the validation images and the initial weights of a recipe. Training images are drawn when they
// are first needed.
func New(ctx context.Context, r Recipe) (*Trainer, error) {
	t := &Trainer{Recipe: r}
	var err error
	if t.data, err = newPool(r); err != nil {
		return nil, err
	}
	if t.held, err = draw(ctx, r, HeldFrom, r.Held); err != nil {
		return nil, err
	}
	t.Vocab = NewVocabulary(allCaptions(), maxWords)
	t.Recipe.Text.Vocab, t.Recipe.Text.Len = t.Vocab.Size(), t.Vocab.Len
	if err := t.towers(); err != nil {
		return nil, err
	}
	t.scale = train.NewParam("logit_scale", train.Constant, []int{1}, []float32{float32(math.Log(1 / 0.07))})
	for _, p := range append(t.Image.Params(), t.Text.Params()...) {
		t.params = append(t.params, p)
	}
	t.params = append(t.params, t.scale)
	return t, t.addDense(ctx)
}

// addDense makes the part of the loss that lies on patch tokens.
func (t *Trainer) addDense(ctx context.Context) error {
	if t.Recipe.Dense <= 0 {
		return nil
	}
	const some = 350
	seen, err := draw(ctx, t.Recipe, 0, min(some, t.Recipe.Images))
	if err != nil {
		return err
	}
	t.dense = newDense(t.Recipe, seen)
	t.params = append(t.params, t.dense.Matrix, t.dense.Bias)
	return nil
}

// towers makes both networks with their initial weights.
func (t *Trainer) towers() error {
	m, err := t.Recipe.Image.Model(t.Recipe.Seed)
	if err != nil {
		return err
	}
	if t.Image, err = open(m, encoder.CLIPPreprocess(t.Recipe.Image.Size)); err != nil {
		return err
	}
	if m, err = t.Recipe.Text.Model(t.Recipe.Seed); err != nil {
		return err
	}
	t.Text, err = open(m, encoder.Preprocess{Std: [3]float64{1, 1, 1}, Source: "token ids"})
	return err
}

// open opens a network for training.
func open(m *onnx.Model, p encoder.Preprocess) (*encoder.Trainable, error) {
	e, err := encoder.FromONNX(m, encoder.WithPreprocess(p), encoder.WithName(m.Graph.Name))
	if err != nil {
		return nil, err
	}
	return e.Trainable()
}

// allCaptions are the captions of enough images to hold every word.
func allCaptions() []string {
	var texts []string
	d, err := surfaces.New(surfaces.Config{Seed: 1, N: 3500})
	if err != nil {
		panic(err) // a constant
	}
	for _, s := range d.Samples {
		texts = append(texts, s.Captions...)
	}
	return texts
}

// Train runs the recipe's training; see [train.Run] for the checkpoint.
func (t *Trainer) Train(ctx context.Context, checkpoint string, save int, progress func(train.Progress)) (*train.Result, error) {
	run := &train.Run{
		Config: t.Recipe.Train, Task: t, Identity: t.Recipe.String(), Params: t.params,
		Checkpoint: checkpoint, Save: save, Progress: progress,
	}
	return run.Train(ctx)
}

// LogitScale is the factor on cosines that was learned.
func (t *Trainer) LogitScale() float64 { return math.Exp(float64(t.scale.Value[0])) }

// Len implements [train.Task].
func (t *Trainer) Len() int { return t.Recipe.Images }

// Sync implements [train.Task]. The logit scale stays at 100 or below, as in CLIP.
func (t *Trainer) Sync() {
	t.scale.Value[0] = min(t.scale.Value[0], float32(math.Log(100)))
	t.Image.Sync()
	t.Text.Sync()
}

// Batch implements [train.Task]: embeddings first, then with their gradients known a second pass image
// by image, so that memory does not grow with the batch (Gao et al., arXiv 2101.06983).
func (t *Trainer) Batch(ctx context.Context, step int, samples []int) (m train.Metrics, err error) {
	images, tokens, captions := make([]*tensor.Dense, len(samples)), make([][]float32, len(samples)), make([]string, len(samples))
	rng := rand.New(rand.NewPCG(t.Recipe.Seed, uint64(step)^0x63617074696f6e))
	if err := t.data.draw(ctx, samples); err != nil {
		return m, err
	}
	for i, k := range samples {
		e := t.data.drawn[k]
		images[i] = dataset.Planar(e.pixels)
		captions[i] = e.captions[rng.IntN(len(e.captions))]
		tokens[i] = t.Vocab.Encode(captions[i])
	}
	v, err := t.embed(ctx, images)
	if err != nil {
		return m, err
	}
	w, err := t.Text.ForwardRaw(ctx, tokens, encoder.Embedding)
	if err != nil {
		return m, err
	}
	same := func(i, j int) bool { return captions[i] == captions[j] }
	loss, dv, dw, ds := contrast(v, w, same, t.LogitScale())
	t.scale.Grad[0] += float32(ds)
	more, err := t.backImages(ctx, images, samples, dv)
	if err != nil {
		return m, err
	}
	_, err = t.Text.AccumulateRaw(ctx, tokens, []encoder.Tap{encoder.Embedding}, func(i int, _, cot []*tensor.Dense) (float64, error) {
		copy(cot[0].Float32s(), dw[i])
		return 0, nil
	})
	return train.Metrics{Loss: loss + more}, err
}

// backImages adds the image tower's gradient, given that at the embeddings, and that of the dense part of the
// loss, whose sum it returns.
func (t *Trainer) backImages(ctx context.Context, images []*tensor.Dense, samples []int, dv [][]float32) (sum float64, err error) {
	taps := []encoder.Tap{encoder.Embedding}
	if t.dense != nil {
		taps = append(taps, encoder.Tokens)
	}
	tokens, dLogits := make([][]float32, len(images)), make([][]float32, len(images))
	losses, err := t.Image.Accumulate(ctx, images, taps, func(i int, act, cot []*tensor.Dense) (float64, error) {
		copy(cot[0].Float32s(), dv[i])
		if t.dense == nil {
			return 0, nil
		}
		first := t.Image.Spec().Prefix() * t.dense.Width
		clear(cot[1].Float32s()[:first])
		tokens[i] = slices.Clone(act[1].Float32s()[first:])
		dLogits[i] = make([]float32, len(tokens[i])/t.dense.Width*t.dense.Outputs())
		return t.dense.loss(tokens[i], t.data.drawn[samples[i]].cells, cot[1].Float32s()[first:], dLogits[i]), nil
	})
	if err != nil || t.dense == nil {
		return 0, err
	}
	for i, l := range losses {
		sum += l
		t.dense.Accumulate(tokens[i], dLogits[i])
	}
	return sum, nil
}

// embed returns image embeddings, row by row.
func (t *Trainer) embed(ctx context.Context, images []*tensor.Dense) ([][]float32, error) {
	out, err := t.Image.Forward(ctx, images, encoder.Embedding)
	if err != nil {
		return nil, err
	}
	all, e := out[0].Float32s(), t.Recipe.Image.Embed
	rows := make([][]float32, len(images))
	for i := range rows {
		rows[i] = all[i*e : (i+1)*e]
	}
	return rows, nil
}
