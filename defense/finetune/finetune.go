// Package finetune makes encoders robust by training them further: the third defence beside purifying
// what goes in and guarding what comes out. The weights that come out go back into the file they came
// from, so whatever runs the original runs the robust one.
package finetune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/internal/train"
)

// Config says how an encoder is fine-tuned.
type Config struct {
	Method   string        `json:"method"`             // see [Names]
	Eps      string        `json:"eps,omitempty"`      // L∞ budget of the inner attack, such as "4/255"
	Steps    int           `json:"inner_steps"`        // of the inner attack; 0 is 10, as released with FARE
	Alpha    string        `json:"alpha,omitempty"`    // its step size, "1/255" or a part of ε such as "eps/4"; "" is "1/255"
	Momentum float64       `json:"momentum,omitempty"` // of its gradient; the released FARE has 0.9
	Which    train.Which   `json:"which,omitempty"`    // weights to train; "" is all
	Augment  train.Augment `json:"augment"`
	Train    train.Config  `json:"train"`
}

func (c Config) String() string {
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Sprintf("invalid configuration: %v", err)
	}
	return string(b)
}

// Data is a list of images, 3×H×W float32 in [0,1], loaded one by one.
type Data interface {
	Len() int
	Image(i int) (*tensor.Dense, error)
	Label(i int) int // class, or -1
}

// Options is what a run needs beside its configuration.
type Options struct {
	Identity   string      // of data and encoder, kept in the checkpoint
	Text       [][]float32 // unit text embeddings by class, for supervised methods
	Held       Data        // images for validation; nil for none
	Checkpoint string      // file to write to and resume from; "" for none
	Save       int         // steps between checkpoints
	Progress   func(train.Progress)
}

// Run trains a copy of m and returns it. The model that is given stays as it is.
func Run(ctx context.Context, m *encoder.Model, data Data, c Config, o Options) (*encoder.Trainable, *train.Result, error) {
	t, err := newTask(m, data, c, o)
	if err != nil {
		return nil, nil, err
	}
	if err := t.check(); err != nil {
		return nil, nil, err
	}
	if c.Train.Every > 0 && o.Held == nil {
		return nil, nil, errors.New("finetune: validation needs images that are held out")
	}
	choice, err := c.Which.Of(t.student.Params(), m.Spec().Depth, c.Train.Seed)
	if err != nil {
		return nil, nil, err
	}
	t.student.Freeze(choice.Keep)
	run := &train.Run{
		Config: c.Train, Task: t, Identity: c.String() + " " + o.Identity, Params: choice.Params, Adapters: choice.Adapters,
		Checkpoint: o.Checkpoint, Save: o.Save, Progress: o.Progress,
	}
	res, err := run.Train(ctx)
	return t.student, res, err
}

// newTask reads the configuration.
func newTask(m *encoder.Model, data Data, c Config, o Options) (*task, error) {
	t := &task{config: c, teacher: m, data: data, held: o.Held, text: o.Text}
	var err error
	if t.method, err = Find(c.Method); err != nil {
		return nil, err
	}
	if t.student, err = m.Trainable(); err != nil {
		return nil, err
	}
	if c.Eps == "" {
		return t, nil
	}
	eps, err := attack.ParseEps(c.Eps)
	if err != nil {
		return nil, err
	}
	t.threat = attack.Linf(eps)
	alpha := c.Alpha
	if alpha == "" {
		alpha = "1/255"
	}
	if t.alpha, err = attack.ParseSize(alpha); err != nil {
		return nil, err
	}
	return t, nil
}

// check reports what the method needs and does not have.
func (t *task) check() error {
	_, harmless := t.method.(Jacobian)
	switch {
	case !harmless && t.config.Eps == "":
		return fmt.Errorf("finetune: %s attacks its images and needs a budget ε", t.method.Name())
	case harmless && t.config.Eps != "":
		return fmt.Errorf("finetune: %s attacks no images: leave out ε", t.method.Name())
	case t.teacher.Spec().Embedding == 0 && t.method.Name() != "tokenfare":
		return fmt.Errorf("finetune: %s has no pooled embedding, which %s works on; tokenfare does without", t.teacher.Spec().Name, t.method.Name())
	case !t.method.Supervised():
		return nil
	case len(t.text) < 2:
		return fmt.Errorf("finetune: %s needs text embeddings of the classes", t.method.Name())
	}
	for k, e := range t.text {
		if len(e) != t.teacher.Spec().Embedding {
			return fmt.Errorf("finetune: text embedding %d has %d numbers, those of images %d", k, len(e), t.teacher.Spec().Embedding)
		}
	}
	for _, d := range []Data{t.data, t.held} {
		for i := 0; d != nil && i < d.Len(); i++ {
			if l := d.Label(i); l < 0 || l >= len(t.text) {
				return fmt.Errorf("finetune: image %d is of class %d, and there are text embeddings of %d classes", i, l, len(t.text))
			}
		}
	}
	return nil
}
