package finetune

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// Method is a training objective. It sees one batch at a time.
type Method interface {
	// Name is the method's name on the command line.
	Name() string
	// Supervised tells whether images need a class and classes a text embedding.
	Supervised() bool
	// Attacked is the loss that the inner attack maximises, image by image, and the taps it reads. A nil
	// loss means that the method trains on images as they are.
	Attacked(ctx context.Context, b *Batch) ([]encoder.Tap, encoder.LossFunc, error)
	// Trained is what the weights minimise: the loss of each of the images given, at the taps.
	Trained(ctx context.Context, b *Batch) (Objective, error)
}

// Objective is a sum of losses over images.
type Objective struct {
	Images []*tensor.Dense
	Taps   []encoder.Tap
	Loss   encoder.LossFunc
}

// Batch is what a method works on.
type Batch struct {
	Student *encoder.Trainable // the encoder in training
	Teacher encoder.Encoder    // the encoder before training
	Clean   []*tensor.Dense
	Adv     []*tensor.Dense // attacked images; nil before the attack
	Labels  []int           // classes of supervised data
	Text    [][]float32     // unit text embeddings by class
	Step    int
	Seed    uint64
}

// methods is the table of all there are.
var methods = []Method{FARE{}, TokenFARE{}, TeCoA{}, PMGAFT{}, SimCLIP{}, Jacobian{}}

// Find returns the method of that name.
func Find(name string) (Method, error) {
	for _, m := range methods {
		if m.Name() == name {
			return m, nil
		}
	}
	return nil, fmt.Errorf("finetune: no method %q; there are %s", name, strings.Join(Names(), ", "))
}

// Names lists the methods.
func Names() (out []string) {
	for _, m := range methods {
		out = append(out, m.Name())
	}
	return out
}

// activations returns an encoder's values at taps, image by image with a batch axis of length 1.
func activations(ctx context.Context, e encoder.Encoder, images []*tensor.Dense, taps []encoder.Tap) ([][]*tensor.Dense, error) {
	all, err := encoder.Activations(ctx, e, images, taps...)
	if err != nil {
		return nil, err
	}
	out := make([][]*tensor.Dense, len(images))
	for i := range images {
		for k, t := range all {
			if t.Shape()[0] != len(images) {
				return nil, fmt.Errorf("finetune: tap %s has shape %v for %d images", taps[k], t.Shape(), len(images))
			}
			shape := slices.Clone(t.Shape())
			shape[0] = 1
			data, n := t.Float32s(), t.Size()/len(images)
			out[i] = append(out[i], tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data[i*n:(i+1)*n])))
		}
	}
	return out, nil
}

// embeddings returns the pooled outputs of images, row by row.
func embeddings(ctx context.Context, e encoder.Encoder, images []*tensor.Dense) ([][]float32, error) {
	all, err := activations(ctx, e, images, embedding)
	if err != nil {
		return nil, err
	}
	out := make([][]float32, len(all))
	for i, a := range all {
		out[i] = a[0].Float32s()
	}
	return out, nil
}

// embedding is the list of the pooled output alone.
var embedding = []encoder.Tap{encoder.Embedding}

// at is the gradient's memory at tap k, or nil where no gradient is asked for.
func at(cot []*tensor.Dense, k int) []float32 {
	if cot == nil {
		return nil
	}
	return cot[k].Float32s()
}
