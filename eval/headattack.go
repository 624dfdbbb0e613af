package eval

import (
	"context"
	"errors"
	"fmt"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// Heads as attacks with a loss see them: as an [attack.Classifier].

// attackable reports whether a head gives an attacker a loss to raise.
func attackable(h head.Head) bool {
	switch h.(type) {
	case head.Attackable, head.Harmed:
		return true
	}
	return false
}

// headTask is the loss of an attack on a head at one image: its decisions, or its harm as one logit that says that
// the answer is still good.
func headTask(on onHead, h head.Head, clean []head.Output, t head.Truth) (attack.Task, error) {
	if h, ok := h.(head.Harmed); ok {
		harm, err := h.Harm(clean, t)
		return attack.Task{Head: &harmed{on, harm}, Labels: [][]int{{1}}}, err
	}
	a := h.(head.Attackable)
	d, err := a.Decisions(clean, t)
	if err != nil {
		return attack.Task{}, err
	}
	task := attack.Task{Head: &decider{on, a, d}, Labels: make([][]int, 1)}
	for _, one := range d {
		if one.Options != d[0].Options {
			return attack.Task{}, fmt.Errorf("eval: head %s: decisions among %d and among %d options", h.Name(), d[0].Options, one.Options)
		}
		task.Labels[0] = append(task.Labels[0], one.Right...)
	}
	if len(task.Labels[0]) == 0 {
		return attack.Task{}, errNoTruth
	}
	return task, nil
}

// Classifier is a head with one label for each image as attacks on labels see it: its scores are the logits. classes
// is how many it gives. A head that is no classifier or has no gradient is an error.
func Classifier(h head.Head, classes int) (attack.Classifier, error) {
	d, ok := h.(head.Differentiable)
	if !ok || h.Task() != head.Classification {
		return nil, fmt.Errorf("head %s (%s) cannot be attacked by labels: want a classifier with a gradient", h.Name(), h.Task())
	}
	return &scored{onAlone(h), d, classes}, nil
}

// AgainstHead attacks each sample through a head's own loss and returns the images, in order. The head stands on enc;
// data gives the truth's classes and references.
func AgainstHead(ctx context.Context, enc encoder.Encoder, h head.Head, data *dataset.Dataset, samples []*dataset.Sample, a attack.Attack, tm attack.ThreatModel) ([]*tensor.Dense, error) {
	g, err := Heads(enc, "", "", data, HeadSystem{Head: h})
	if err != nil {
		return nil, err
	}
	target := g.(Targeter).Target(h.Name())
	if target == nil {
		return nil, fmt.Errorf("eval: head %s gives no gradient", h.Name())
	}
	out, errs := make([]*tensor.Dense, len(samples)), make([]error, len(samples))
	each(len(samples), 0, func(i int) {
		task, err := target.Task(ctx, samples[i])
		if err == nil {
			out[i], _, err = target.run(ctx, a, samples[i], tm, attack.WithTask(task))
		}
		if err != nil {
			errs[i] = fmt.Errorf("%s: %w", samples[i].ID, err)
		}
	})
	return out, errors.Join(errs...)
}

// run attacks one image through the target's encoder.
func (t *Target) run(ctx context.Context, a attack.Attack, s *dataset.Sample, tm attack.ThreatModel, opts ...attack.Option) (*tensor.Dense, attack.Outcome, error) {
	opts = append([]attack.Option{attack.Names([]string{s.ID}), attack.Workers(1)}, opts...)
	res, err := a.Run(ctx, t.Encoder, []*tensor.Dense{s.Image}, tm, opts...)
	if err == nil && (len(res.Adv) != 1 || len(res.Outcomes) != 1) {
		err = errEmptyResult
	}
	if err != nil {
		return nil, attack.Outcome{}, err
	}
	return res.Adv[0], res.Outcomes[0], nil
}

// scored is a classifier by its own scores.
type scored struct {
	onHead
	head    head.Differentiable
	classes int
}

// Classes implements [attack.Classifier].
func (c *scored) Classes() int { return c.classes }

// Logits implements [attack.Classifier].
func (c *scored) Logits(dst []float64, acts []*tensor.Dense) ([]float64, error) {
	s, err := c.head.Scores(c.input(acts, ""))
	for _, v := range s.Data {
		dst = append(dst, float64(v))
	}
	return dst, err
}

// VJP implements [attack.Classifier].
func (c *scored) VJP(cot, acts []*tensor.Dense, dLogits []float64) error {
	d := make([]float32, len(dLogits))
	for i, v := range dLogits {
		d[i] = float32(v)
	}
	at, err := c.head.VJP(c.input(acts, ""), d)
	if err != nil {
		return err
	}
	clearAll(cot)
	c.add(cot, at, 1)
	return nil
}

// onHead finds a head's activations among those of an attack.
type onHead struct {
	taps          []encoder.Tap
	at            []int // tap of the head → index in taps
	width, height int   // of the source image
}

// onAlone is for an attack that reads the head's own taps and no others.
func onAlone(h head.Head) onHead {
	on := onHead{taps: h.Taps()}
	for k := range on.taps {
		on.at = append(on.at, k)
	}
	return on
}

// Taps implements [attack.Classifier].
func (o onHead) Taps() []encoder.Tap { return o.taps }

func (o onHead) input(acts []*tensor.Dense, question string) head.Input {
	in := head.Input{Width: o.width, Height: o.height, Question: question}
	for _, k := range o.at {
		shape := acts[k].Shape()
		if len(shape) > 0 && shape[0] == 1 { // the one image; outputs of whole systems may lack the axis
			shape = shape[1:]
		}
		in.Acts = append(in.Acts, head.Activation{Shape: shape, Data: acts[k].Float32s()})
	}
	return in
}

// add adds the gradients at the head's taps, times by.
func (o onHead) add(cot []*tensor.Dense, at []head.Activation, by float32) {
	for t, g := range at {
		sum := cot[o.at[t]].Float32s()
		for i, v := range g.Data {
			sum[i] += by * v
		}
	}
}

func clearAll(cot []*tensor.Dense) {
	for _, c := range cot {
		clear(c.Float32s())
	}
}

// decider is a head at one image as choices.
type decider struct {
	onHead
	head      head.Attackable
	decisions []head.Decisions
}

// Classes implements [attack.Classifier].
func (d *decider) Classes() int { return d.decisions[0].Options }

// Logits implements [attack.Classifier].
func (d *decider) Logits(dst []float64, acts []*tensor.Dense) ([]float64, error) {
	for _, one := range d.decisions {
		scores, err := d.head.Scores(d.input(acts, one.Question))
		if err != nil {
			return nil, err
		}
		dst = one.Logits(dst, scores.Data)
	}
	return dst, nil
}

// VJP implements [attack.Classifier].
func (d *decider) VJP(cot, acts []*tensor.Dense, dLogits []float64) error {
	clearAll(cot)
	for _, one := range d.decisions {
		in := d.input(acts, one.Question)
		scores, err := d.head.Scores(in)
		if err != nil {
			return err
		}
		back := make([]float32, len(scores.Data))
		one.Back(back, scores.Data, dLogits[:len(one.Scores)])
		dLogits = dLogits[len(one.Scores):]
		grads, err := d.head.VJP(in, back)
		if err != nil {
			return err
		}
		d.add(cot, grads, 1)
	}
	return nil
}

// harmed is a head at one image as a single logit, its harm below 0.
type harmed struct {
	onHead
	harm head.Harm
}

// Classes implements [attack.Classifier].
func (h *harmed) Classes() int { return 1 }

// Logits implements [attack.Classifier].
func (h *harmed) Logits(dst []float64, acts []*tensor.Dense) ([]float64, error) {
	v, _, err := h.harm(h.input(acts, ""))
	return append(dst, -v), err
}

// VJP implements [attack.Classifier].
func (h *harmed) VJP(cot, acts []*tensor.Dense, dLogits []float64) error {
	clearAll(cot)
	_, at, err := h.harm(h.input(acts, ""))
	if err != nil {
		return err
	}
	h.add(cot, at, -float32(dLogits[0]))
	return nil
}
