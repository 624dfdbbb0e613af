package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// Adversity is how hard defences are attacked. The zero value of a field stands for its default.
type Adversity struct {
	Steps       int      // of every adaptive and white-box attack at least; default 100
	RandomSteps int      // the same where every step averages over draws; default 40
	EOT         int      // draws averaged per step (arXiv 1802.00420); default 20
	Draws       int      // of a random defence that the judge asks, the worst counts; default 10
	White       []string // attacks on a classifier's own logits; default apgd
	Score       []string // attacks that read a classifier's scores; default square(queries=1000)
	Decision    []string // attacks that read its label alone; default rays(queries=1000)
	Seed        uint64   // of all of them, and of the draws of judge and attacker
}

// withDefaults fills in what is not given.
func (a Adversity) withDefaults() Adversity {
	for _, f := range []struct {
		v *int
		d int
	}{{&a.Steps, 100}, {&a.RandomSteps, 40}, {&a.EOT, 20}, {&a.Draws, 10}} {
		if *f.v == 0 {
			*f.v = f.d
		}
	}
	for _, f := range []struct {
		v *[]string
		d string
	}{{&a.White, "apgd"}, {&a.Score, "square(queries=1000)"}, {&a.Decision, "rays(queries=1000)"}} {
		if *f.v == nil {
			*f.v = []string{f.d}
		}
	}
	return a
}

// Trial puts a countermeasure around the systems and makes the attacks on it, for the plan's encoder, data and
// attempts, which must be complete. The attacker draws the defence's random numbers anew: judge and attacker have
// different streams. Attacks on logits, scores and labels need a classifier among the systems; the first is
// attacked.
func (a Adversity) Trial(ctx context.Context, p *Plan, c Countermeasure, systems []HeadSystem) (*Trial, error) {
	a = a.withDefaults()
	if len(systems) == 0 {
		return nil, errors.New("eval: no system to defend")
	}
	judge, err := c.Encoder.Wrap(p.Encoder, defense.Stream{Seed: 2*a.Seed + 1})
	if err != nil {
		return nil, err
	}
	t := &Trial{plain: p.Encoder, encoder: judge,
		head: trialHead{Defence: c.Name, Draws: 1, Random: c.Encoder.Random(), Surrogate: string(c.Encoder.Surrogate())}}
	if t.head.Repeats, err = repeats(ctx, judge, p.Data, systems[0]); err != nil {
		return nil, fmt.Errorf("eval: %s: %w", c.Name, err)
	}
	if t.head.Random || !t.head.Repeats {
		t.head.Draws = a.Draws
	}
	if c.Guard != nil {
		t.head.Guard = c.Guard.String()
	}
	if err := t.judgeWith(p.Data, systems); err != nil {
		return nil, err
	}
	return t, a.attack(t, p, c, systems)
}

// repeats asks the judge's encoder twice about the first image that can be read.
func repeats(ctx context.Context, e encoder.Encoder, data *dataset.Dataset, s HeadSystem) (bool, error) {
	for i := range data.Samples {
		if sample, err := data.Load(i); err == nil {
			return defense.Repeats(ctx, e, sample.Image, s.Head.Taps()[0])
		}
	}
	return true, nil
}

// judgeWith makes a group of the defended systems for each draw.
func (t *Trial) judgeWith(data *dataset.Dataset, systems []HeadSystem) error {
	behind := slices.Clone(systems)
	for i, s := range systems {
		t.head.Systems = append(t.head.Systems, s.Head.Name())
		if s.Title == "" {
			s.Title = s.Head.Name()
		}
		behind[i].Title = s.Title + " behind " + t.head.Defence
	}
	for k := range t.head.Draws {
		enc, prefix := t.encoder, t.head.Defence+"/"
		if k > 0 {
			enc, prefix = defense.Redrawn(enc).(defense.Drawer).Draw(uint64(k)), fmt.Sprintf("%s#%d/", t.head.Defence, k)
		}
		g, err := Heads(enc, "defended", prefix, data, behind...)
		if err != nil {
			return err
		}
		t.groups = append(t.groups, g)
	}
	return nil
}

// attack makes the attempts on a trial at each budget of the plan.
func (a Adversity) attack(t *Trial, p *Plan, c Countermeasure, systems []HeadSystem) error {
	adversaries, err := a.adversaries(t, p.Encoder, c)
	if err != nil {
		return err
	}
	steps := a.Steps
	if t.head.Draws > 1 {
		steps = a.RandomSteps
	}
	for _, base := range p.Attempts {
		if base.Kind != "gradient" || base.Source != nil || base.Role != "" || base.System != "" {
			continue
		}
		if base.Attack, err = atLeast(base.Attack, steps); err != nil {
			return err
		}
		base.Role = report.RoleAdaptive
		t.follow(base, adversaries)
	}
	own := firstClassifier(systems, p.Data)
	if own == nil {
		return nil
	}
	shown := own
	if c.Guard != nil {
		shown = guarded{own, c.Guard, a.Seed}
	}
	asked, err := c.Encoder.Wrap(p.Encoder, defense.Stream{Seed: 2*a.Seed + 2})
	if err != nil {
		return err
	}
	for _, threat := range budgets(p.Attempts) {
		for _, kind := range []struct {
			role  string
			list  []string
			steps int
			base  Attempt
			on    []defense.Adversary
		}{
			{report.RoleWhiteBox, a.White, steps, Attempt{Kind: "gradient", Options: labelled(own)}, adversaries},
			{report.RoleScore, a.Score, 0, Attempt{Kind: "black-box", Options: labelled(shown)}, []defense.Adversary{{Name: "asked", Encoder: asked}}},
			{report.RoleDecision, a.Decision, 0, Attempt{Kind: "black-box", Options: labelled(shown)}, []defense.Adversary{{Name: "asked", Encoder: asked}}},
		} {
			for _, text := range kind.list {
				at := kind.base
				at.Name, at.Role, at.Threat, at.Knowledge = text, kind.role, threat, "system"
				if at.Attack, err = a.parse(text, kind.steps); err != nil {
					return err
				}
				t.follow(at, kind.on)
			}
		}
	}
	return nil
}

// firstClassifier is the first system that can be attacked by labels, nil where none can.
func firstClassifier(systems []HeadSystem, data *dataset.Dataset) attack.Classifier {
	for _, s := range systems {
		if c, err := Classifier(s.Head, max(len(s.Labels), len(data.Classes))); err == nil {
			return c
		}
	}
	return nil
}

// follow adds one attempt per adversary.
func (t *Trial) follow(at Attempt, on []defense.Adversary) {
	name := at.Name
	for _, v := range on {
		at.Source = v.Encoder
		at.Name = name + " " + v.Name
		if v.Name == "asked" {
			at.Name = name
		}
		t.attempts = append(t.attempts, at)
	}
}

// adversaries are the encoders that gradient attacks on the defence follow.
func (a Adversity) adversaries(t *Trial, e encoder.Encoder, c Countermeasure) ([]defense.Adversary, error) {
	list, err := defense.Adversaries(c.Encoder, e, defense.Stream{Seed: 2*a.Seed + 2}, a.EOT)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(v defense.Adversary) bool { return v.Name == "transfer" }) // the plan's own attacks
	if t.head.Random || t.head.Repeats {
		return list, nil
	}
	for i := range list { // it hides that it is random
		if list[i].Encoder, err = defense.EOT(defense.Redrawn(list[i].Encoder), a.EOT); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// parse builds an attack with the seed and at least so many steps.
func (a Adversity) parse(text string, steps int) (attack.Attack, error) {
	at, err := attack.Parse(text)
	if err != nil {
		return nil, err
	}
	if with, err := attack.With(at, fmt.Sprintf("seed=%d", a.Seed)); err == nil {
		at = with
	}
	return atLeast(at, steps)
}
