package finetune

import (
	"context"
	"fmt"
	"math/rand/v2"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/internal/train"
)

// task is the training of one encoder by one method.
type task struct {
	config  Config
	method  Method
	student *encoder.Trainable
	teacher encoder.Encoder
	data    Data
	held    Data
	text    [][]float32
	threat  attack.ThreatModel
	alpha   attack.Size
}

// Len implements [train.Task].
func (t *task) Len() int { return t.data.Len() }

// Sync implements [train.Task].
func (t *task) Sync() { t.student.Sync() }

// Batch implements [train.Task]: attack the batch, then add the gradient of the loss.
func (t *task) Batch(ctx context.Context, step int, samples []int) (m train.Metrics, err error) {
	b, err := t.batch(t.data, step, samples, t.config.Augment)
	if err != nil {
		return m, err
	}
	if m.Clean, _, err = t.attack(ctx, b); err != nil {
		return m, err
	}
	o, err := t.method.Trained(ctx, b)
	if err != nil {
		return m, err
	}
	losses, err := t.student.Accumulate(ctx, o.Images, o.Taps, o.Loss)
	for _, v := range losses {
		m.Loss += v
	}
	return m, err
}

// batch loads and augments images.
func (t *task) batch(d Data, step int, samples []int, change train.Augment) (*Batch, error) {
	b := &Batch{Student: t.student, Teacher: t.teacher, Text: t.text, Step: step, Seed: t.config.Train.Seed}
	for i, k := range samples {
		x, err := d.Image(k)
		if err != nil {
			return nil, err
		}
		s := x.Shape()
		if len(s) != 3 {
			return nil, fmt.Errorf("finetune: image %d has shape %v; want 3×H×W", k, s)
		}
		rng := rand.New(rand.NewPCG(t.config.Train.Seed^0x6175676d656e74, uint64(step)<<20|uint64(i)))
		y := change.Apply(x.Float32s(), s[1], s[2], rng)
		b.Clean = append(b.Clean, tensor.New(tensor.WithShape(s...), tensor.WithBacking(y)))
		b.Labels = append(b.Labels, d.Label(k))
	}
	return b, nil
}

// attack fills b.Adv and returns the sums of the attacked loss before and after.
func (t *task) attack(ctx context.Context, b *Batch) (before, after float64, err error) {
	taps, loss, err := t.method.Attacked(ctx, b)
	if err != nil || loss == nil {
		return 0, 0, err
	}
	acts, err := activations(ctx, t.student, b.Clean, taps)
	if err != nil {
		return 0, 0, err
	}
	for i, a := range acts {
		v, err := loss(i, a, nil)
		if err != nil {
			return 0, 0, err
		}
		before += v
	}
	steps := t.config.Steps
	if steps == 0 {
		steps = 10
	}
	a := &attack.Gradient{
		Name: "finetune", Objective: inner{taps, loss}, Step: attack.Momentum{Mu: t.config.Momentum}, Alpha: t.alpha,
		Iters: steps, Select: "last", Seed: b.Seed,
	}
	res, err := a.Run(ctx, t.student, b.Clean, t.threat, attack.Restart(b.Step))
	if err != nil {
		return 0, 0, err
	}
	for i, o := range res.Outcomes {
		if o.Err != nil {
			return 0, 0, fmt.Errorf("finetune: step %d: inner attack on image %d: %w", b.Step, i, o.Err)
		}
		after += o.Value
	}
	b.Adv = res.Adv
	return before, after, nil
}

// validationBatch is how many held-out images are attacked at a time.
const validationBatch = 64

// Validate implements [train.Task]: the mean trained loss of held-out images, attacked in the same way
// every time.
func (t *task) Validate(ctx context.Context) (float64, error) {
	sum := 0.0
	for lo := 0; lo < t.held.Len(); lo += validationBatch {
		var samples []int
		for i := lo; i < min(lo+validationBatch, t.held.Len()); i++ {
			samples = append(samples, i)
		}
		b, err := t.batch(t.held, 1<<30, samples, train.Augment{})
		if err != nil {
			return 0, err
		}
		if _, _, err := t.attack(ctx, b); err != nil {
			return 0, err
		}
		o, err := t.method.Trained(ctx, b)
		if err != nil {
			return 0, err
		}
		acts, err := activations(ctx, t.student, o.Images, o.Taps)
		if err != nil {
			return 0, err
		}
		for i, a := range acts {
			v, err := o.Loss(i, a, nil)
			if err != nil {
				return 0, err
			}
			sum += v
		}
	}
	return sum / float64(max(t.held.Len(), 1)), nil
}

// inner is a method's attacked loss as an objective of the attack package.
type inner struct {
	taps []encoder.Tap
	loss encoder.LossFunc
}

func (inner) String() string { return "training loss" }

// Bind implements [attack.Objective].
func (o inner) Bind(_ encoder.Spec, _ *attack.Task, i int) (attack.Loss, error) {
	return innerLoss{o, i}, nil
}

type innerLoss struct {
	inner
	image int
}

// Taps implements [attack.Loss]. The reference is part of the loss.
func (l innerLoss) Taps() (adv, ref []encoder.Tap) { return l.taps, nil }

// Reference implements [attack.Loss].
func (l innerLoss) Reference([]*tensor.Dense) error { return nil }

// Eval implements [attack.Loss].
func (l innerLoss) Eval(adv, cot []*tensor.Dense) (float64, error) {
	return l.loss(l.image, adv, cot)
}
