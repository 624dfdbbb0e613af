package eval

import (
	"context"
	"fmt"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"gorgonia.org/tensor"
)

// Targeter is a [Group] of which some systems give their gradient to an attacker who knows them.
type Targeter interface {
	Group
	// Target returns nil where the system is not in the group or has no gradient.
	Target(system string) *Target
}

// Target is a system as an attacker sees it who knows everything about it.
type Target struct {
	Encoder encoder.Encoder // what the attack differentiates through: the system's own, or a defence's surrogate
	Group   Group           // the system alone, to be asked about the images made against it

	// Task is the loss at one clean image.
	Task func(ctx context.Context, s *dataset.Sample) (attack.Task, error)
}

// WhiteBox returns at as one attempt for each system of groups that has a gradient, and the names of the
// systems that have none.
func WhiteBox(at Attempt, groups ...Group) (attempts []Attempt, without []string) {
	at.Knowledge = "system"
	for _, g := range groups {
		t, _ := g.(Targeter)
		for _, s := range g.Systems() {
			if t == nil || t.Target(s.ID) == nil {
				without = append(without, s.Name)
				continue
			}
			at.System = s.ID
			attempts = append(attempts, at)
		}
	}
	return attempts, without
}

// target finds a system's target among the groups, nil where there is none.
func (p *Plan) target(system string) *Target {
	for _, g := range p.Groups {
		if t, ok := g.(Targeter); ok {
			if found := t.Target(system); found != nil {
				return found
			}
		}
	}
	return nil
}

// asked are the groups that are shown the images of the k-th attempt.
func (r *runner) asked(k int) []Group {
	if s := r.system(k); s != "" {
		return []Group{r.target(s).Group}
	}
	return r.Groups
}

// craftWhiteBox runs the attack on each image with that image's own loss.
func (r *runner) craftWhiteBox(ctx context.Context, b *batch, k int) (*attack.Result, error) {
	at := r.Attempts[k-1]
	target := r.target(at.System)
	n := len(b.samples)
	all := &attack.Result{Adv: make([]*tensor.Dense, n), Outcomes: make([]attack.Outcome, n)}
	errs := make([]error, n)
	each(n, r.Workers, func(i int) {
		s := b.samples[i]
		task, err := target.Task(ctx, s)
		if err != nil { // such as an image without a mask: it is judged as it is, and the report says so
			all.Adv[i], all.Outcomes[i] = s.Image, attack.Outcome{Name: s.ID, Status: attack.Failed, Err: err}
			return
		}
		res, err := at.Attack.Run(ctx, target.Encoder, []*tensor.Dense{s.Image}, at.Threat,
			attack.Names([]string{s.ID}), attack.Workers(1), attack.WithTask(task))
		switch {
		case err != nil:
			errs[i] = err
		case len(res.Adv) != 1 || len(res.Outcomes) != 1:
			errs[i] = errEmptyResult
		default:
			all.Adv[i], all.Outcomes[i] = res.Adv[0], res.Outcomes[0]
		}
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Target implements [Targeter].
func (g *headGroup) Target(system string) *Target {
	for k, s := range g.systems {
		h, ok := g.heads[k].(head.Attackable)
		if s.ID != system || !ok {
			continue
		}
		alone := &headGroup{enc: g.enc, heads: g.heads[k : k+1], scorers: g.scorers[k : k+1], systems: g.systems[k : k+1]}
		alone.findTaps()
		good := -1
		if a, ok := g.scorers[k].(anomaly); ok {
			good = a.good
		}
		return &Target{Encoder: g.enc, Group: alone, Task: func(ctx context.Context, s *dataset.Sample) (attack.Task, error) {
			return alone.task(ctx, h, head.Truth{Sample: s, Good: good})
		}}
	}
	return nil
}

// task asks the head about the clean image and restates its answers as decisions with a right option.
func (g *headGroup) task(ctx context.Context, h head.Attackable, t head.Truth) (attack.Task, error) {
	acts, err := activations(ctx, g.enc, []*dataset.Sample{t.Sample}, g.taps)
	if err != nil {
		return attack.Task{}, err
	}
	in := g.input(0, acts, 0, t.Sample)
	clean, err := answers(h.Task(), t.Sample, func(question string) (head.Output, error) {
		in.Question = question
		return h.Predict(in)
	})
	if err != nil {
		return attack.Task{}, err
	}
	d, err := h.Decisions(clean, t)
	if err != nil {
		return attack.Task{}, err
	}
	c := &decider{head: h, taps: g.taps, at: g.at[0], decisions: d, width: t.Width, height: t.Height}
	task := attack.Task{Head: c, Labels: make([][]int, 1)}
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

// decider is a head at one image as the classifier that attacks with labels work on.
type decider struct {
	head          head.Attackable
	taps          []encoder.Tap
	at            []int // tap of the head → index in taps
	decisions     []head.Decisions
	width, height int
}

// Taps and Classes implement [attack.Classifier].
func (d *decider) Taps() []encoder.Tap { return d.taps }
func (d *decider) Classes() int        { return d.decisions[0].Options }

func (d *decider) input(acts []*tensor.Dense, question string) head.Input {
	in := head.Input{Width: d.width, Height: d.height, Question: question}
	for _, k := range d.at {
		in.Acts = append(in.Acts, head.Activation{Shape: acts[k].Shape()[1:], Data: acts[k].Float32s()})
	}
	return in
}

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
	for _, c := range cot {
		clear(c.Float32s())
	}
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
		for t, g := range grads {
			sum := cot[d.at[t]].Float32s()
			for i, v := range g.Data {
				sum[i] += v
			}
		}
	}
	return nil
}
