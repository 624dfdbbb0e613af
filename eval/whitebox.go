package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
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
// systems that have none, with the reason where it is not that the head itself has none.
func WhiteBox(at Attempt, groups ...Group) (attempts []Attempt, without []string) {
	at.Knowledge = "system"
	for _, g := range groups {
		t, _ := g.(Targeter)
		for _, s := range g.Systems() {
			if t == nil || t.Target(s.ID) == nil {
				name := s.Name
				if w, ok := g.(*systemGroup); ok {
					name = fmt.Sprintf("%s (%v)", name, w.why)
				}
				without = append(without, name)
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

// found is what attacks handed out, and for each image the attack that it is taken from where that is another one.
type found struct {
	*attack.Result
	from []string
}

// craftWhiteBox runs the attack on each image with that image's own loss. It starts at the images of the same budget
// that did the system most harm so far, as far as their loss is larger than that of a random start; and where one
// of them still leaves the system less than what the gradient found, by more than a hundredth of the clean score, it
// is kept.
func (r *runner) craftWhiteBox(ctx context.Context, b *batch, k int) (found, error) {
	target := r.target(r.Attempts[k-1].System)
	n := len(b.samples)
	all := found{&attack.Result{Adv: make([]*tensor.Dense, n), Outcomes: make([]attack.Outcome, n)}, make([]string, n)}
	errs := make([]error, n)
	each(n, r.Workers, func(i int) {
		all.Adv[i], all.Outcomes[i], all.from[i], errs[i] = r.upperBound(ctx, target, b.index[i], b.samples[i], k)
	})
	return all, errors.Join(errs...)
}

// upperBound makes one image of a white-box attack. What goes wrong with it is in its outcome: the image is then
// judged as it is, and the report says so.
func (r *runner) upperBound(ctx context.Context, target *Target, index int, s *dataset.Sample, k int) (*tensor.Dense, attack.Outcome, string, error) {
	at := r.Attempts[k-1]
	none := func(err error) (*tensor.Dense, attack.Outcome, string, error) {
		return s.Image, attack.Outcome{Name: s.ID, Status: attack.Failed, Err: err}, "", context.Cause(ctx)
	}
	before, value, err := r.transferred(index, s, k)
	if err != nil {
		return nil, attack.Outcome{}, "", err
	}
	task, err := target.Task(ctx, s)
	if err != nil { // such as an image without a mask
		return none(err)
	}
	starts := make([]*tensor.Dense, len(before))
	for i, t := range before {
		starts[i] = t.image
	}
	adv, outcome, err := target.run(ctx, at.Attack, s, at.Threat, attack.WithTask(task), attack.Starts([][]*tensor.Dense{starts}))
	if err != nil {
		return none(err)
	}
	if len(before) == 0 {
		return adv, outcome, "", nil
	}
	left, err := r.left(ctx, target, s, adv, at)
	if err != nil || !(value < left-leeway*r.clean(index, at.System)) {
		return adv, outcome, "", err
	}
	return before[0].image, outcome, before[0].attack, nil
}

// transferred is an image that other attacks of the budget made.
type transferred struct {
	attack string
	image  *tensor.Dense
}

// transferred are the images of the attempts at the budget of the k-th, made without the system, that leave its
// system least, and what that is.
func (r *runner) transferred(index int, s *dataset.Sample, k int) (best []transferred, value float64, err error) {
	at := r.Attempts[k-1]
	system := slices.IndexFunc(r.journal.head.Systems, func(s report.System) bool { return s.ID == at.System })
	for other, o := range r.Attempts {
		e := r.journal.entries[key{index, o.ID(), ""}]
		if o.System != "" || o.Threat.Eps != at.Threat.Eps || e == nil || system < 0 || e.Outcome.Status != "ok" || !e.Outcome.Inside {
			continue
		}
		response := e.Responses[system]
		if response.failed() || !response.Value.Finite() {
			continue
		}
		v := float64(response.Value)
		if len(best) > 0 && v > value {
			continue
		}
		if v < value {
			best = nil
		}
		image, err := readPicture(r.dir, picturePath(other+1, o.full(), s.ID))
		if err != nil {
			return nil, 0, err
		}
		best, value = append(best, transferred{o.ID(), image}), v
	}
	return best, value, nil
}

// leeway is the part of the clean score by which another image must be better to take the place of the gradient's.
const leeway = 0.01

// clean is the size of a system's score on the clean image, 0 where it has none.
func (r *runner) clean(index int, system string) float64 {
	k := slices.IndexFunc(r.journal.head.Systems, func(s report.System) bool { return s.ID == system })
	if e := r.journal.entries[key{index, report.Clean, ""}]; e != nil && k >= 0 && e.Responses[k].Value.Finite() {
		return math.Abs(float64(e.Responses[k].Value))
	}
	return 0
}

// left is what a system keeps on an image as it is saved; NaN where it gives no answer or the image cannot be saved.
func (r *runner) left(ctx context.Context, target *Target, s *dataset.Sample, image *tensor.Dense, at Attempt) (float64, error) {
	saved, err := attack.Quantize(at.Threat, 0, s.Image, image)
	if err != nil {
		return math.NaN(), nil
	}
	shown := *s
	shown.Image = saved
	rows, err := target.Group.Answer(ctx, []*dataset.Sample{&shown})
	if err != nil || len(rows) != 1 || len(rows[0]) != 1 || rows[0][0].failed() {
		return math.NaN(), err
	}
	return float64(rows[0][0].Value), nil
}

// Target implements [Targeter].
func (g *headGroup) Target(system string) *Target {
	for k, s := range g.systems {
		if s.ID != system || !attackable(g.heads[k]) {
			continue
		}
		alone := &headGroup{enc: g.enc, heads: g.heads[k : k+1], scorers: g.scorers[k : k+1], systems: g.systems[k : k+1]}
		alone.findTaps()
		return &Target{Encoder: g.enc, Group: alone, Task: alone.task}
	}
	return nil
}

// task asks the head about the clean image and restates what would be a right answer as a loss.
func (g *headGroup) task(ctx context.Context, s *dataset.Sample) (attack.Task, error) {
	acts, err := activations(ctx, g.enc, []*dataset.Sample{s}, g.taps)
	if err != nil {
		return attack.Task{}, err
	}
	h, in := g.heads[0], g.input(0, acts, 0, s)
	clean, err := answers(h.Task(), s, func(question string) (head.Output, error) {
		in.Question = question
		return h.Predict(in)
	})
	if err != nil {
		return attack.Task{}, err
	}
	return headTask(onHead{g.taps, g.at[0], s.Width, s.Height}, h, clean, truth(g.scorers[0], s))
}

// truth is what an attacker who knows everything knows about an image.
func truth(sc scorer, s *dataset.Sample) head.Truth {
	t := head.Truth{Sample: s, Good: -1}
	switch sc := sc.(type) {
	case anomaly:
		t.Good = sc.good
	case captioning:
		t.Score = func(text string) float64 { return sc.cider.D(text, s.Captions) }
	}
	return t
}
