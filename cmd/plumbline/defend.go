package main

import (
	"context"
	"slices"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/models"
)

// adversityConfig says which systems stand behind the defences and how hard these are attacked.
type adversityConfig struct {
	Systems     []string    `yaml:"systems,omitempty,flow"` // heads by name; default the first
	Steps       int         `yaml:"steps,omitempty"`        // of adaptive attacks at least (100)
	RandomSteps int         `yaml:"random_steps,omitempty"` // the same on random defences (40)
	EOT         int         `yaml:"eot,omitempty"`          // draws averaged at each step (20)
	Draws       int         `yaml:"draws,omitempty"`        // of the judge (10)
	Robust      []string    `yaml:"robust,omitempty,flow"`  // other encoders that attacks transfer from (surfaces-fare for embedded encoders)
	White       []string    `yaml:"white_box,omitempty,flow"`
	Score       []string    `yaml:"score_based,omitempty,flow"`
	Decision    []string    `yaml:"decision_based,omitempty,flow"`
	Clean       *dataConfig `yaml:"clean,omitempty"` // clean pictures for pca-patch, none of them judged
}

// robustDefault is the robust encoder that is always at hand.
const robustDefault = "surfaces-fare"

// everyDefense stands for all of them with their defaults.
const everyDefense = "all"

// defend adds to a plan the trials of the configuration's defences and the systems behind them.
func (cfg config) defend(ctx context.Context, plan *eval.Plan, on standing) error {
	if len(cfg.Defenses) == 0 {
		return nil
	}
	list, err := cfg.countermeasures(plan.Data, on.prompts)
	if err != nil {
		return err
	}
	systems, err := cfg.Adversity.systems(slices.Concat(on.zero, on.heads))
	if err != nil {
		return err
	}
	if err := cfg.transfers(plan); err != nil {
		return err
	}
	c := cfg.Adversity
	a := eval.Adversity{Steps: c.Steps, RandomSteps: c.RandomSteps, EOT: c.EOT, Draws: c.Draws, White: c.White, Score: c.Score, Decision: c.Decision, Seed: cfg.Seed}
	for _, m := range append([]eval.Countermeasure{eval.Undefended()}, list...) {
		t, err := a.Trial(ctx, plan, m, systems)
		if err != nil {
			return err
		}
		plan.Trials = append(plan.Trials, t)
		if _, none := m.Encoder.(defense.None); !none { // guards change no answer
			plan.Groups = append(plan.Groups, t.Group())
		}
	}
	return nil
}

// systems picks the heads behind the defences.
func (c adversityConfig) systems(all []eval.HeadSystem) ([]eval.HeadSystem, error) {
	if len(c.Systems) == 0 && len(all) > 0 {
		return all[:1], nil
	}
	var out []eval.HeadSystem
	for _, name := range c.Systems {
		k := slices.IndexFunc(all, func(s eval.HeadSystem) bool { return s.Head.Name() == name })
		if k < 0 {
			var known []string
			for _, s := range all {
				known = append(known, s.Head.Name())
			}
			return nil, usagef("adversity: there is no system %q to defend; there are %v", name, known)
		}
		out = append(out, all[k])
	}
	return out, nil
}

// countermeasures parses the defences.
func (cfg config) countermeasures(data *dataset.Dataset, p *prompts) ([]eval.Countermeasure, error) {
	r, err := cfg.resources(data, p)
	if err != nil {
		return nil, err
	}
	var out []eval.Countermeasure
	add := func(text string) error {
		c, err := eval.ParseCountermeasure(text, r)
		if err != nil {
			return usageError{err}
		}
		if !slices.ContainsFunc(out, func(d eval.Countermeasure) bool { return d.Name == c.Name }) && c.Name != report.Undefended {
			out = append(out, c)
		}
		return nil
	}
	for _, text := range cfg.Defenses {
		if text != everyDefense {
			if err := add(text); err != nil {
				return nil, err
			}
			continue
		}
		for _, e := range defense.List() {
			missing := map[string]bool{"bpda": true, "pca-patch": r.Clean == nil, "anti-adversary": r.Classes == nil, "clipure-cos": r.Blank == nil}
			if missing[e.Name] {
				continue
			}
			if err := add(e.Name); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// resources are what some defences are made from: the class texts, their mean in place of a prompt without a
// class, and clean pictures.
func (cfg config) resources(data *dataset.Dataset, p *prompts) (defense.Resources, error) {
	var r defense.Resources
	if p != nil {
		order, err := p.order(data)
		if err != nil {
			return r, err
		}
		for _, i := range order {
			r.Classes = append(r.Classes, p.rows[i])
		}
		r.Blank = meanRow(p.rows)
	}
	if cfg.Adversity.Clean == nil {
		return r, nil
	}
	clean, err := cfg.Adversity.Clean.open()
	if err != nil {
		return r, err
	}
	if both := shared(clean, data); both != "" {
		return r, usagef("adversity: %s is among the clean pictures and among the judged ones", both)
	}
	for i := range clean.Samples {
		s, err := clean.Load(i)
		if err != nil {
			return r, err
		}
		r.Clean = append(r.Clean, s.Image)
	}
	return r, nil
}

// meanRow is the mean of unit rows.
func meanRow(rows [][]float32) []float32 {
	out := make([]float32, len(rows[0]))
	for _, r := range rows {
		for k, v := range unitRow(r) {
			out[k] += v / float32(len(rows))
		}
	}
	return out
}

// transfers adds each gradient attack once more, crafted on every robust encoder.
func (cfg config) transfers(plan *eval.Plan) error {
	names := cfg.Adversity.Robust
	if names == nil && slices.Contains(models.Names(), cfg.Encoder) {
		names = []string{robustDefault}
	}
	if len(names) == 0 {
		plan.Gaps = append(plan.Gaps, report.T("gap.robust-transfer"))
	}
	own := slices.Clone(plan.Attempts)
	for _, name := range names {
		e, _, err := openEncoder(name)
		if err != nil {
			return err
		}
		for _, at := range own {
			if at.Kind != "gradient" || at.Source != nil || at.System != "" {
				continue
			}
			at.Name += " from " + e.Spec().Name
			at.Source, at.Knowledge = e, "none"
			plan.Attempts = append(plan.Attempts, at)
		}
	}
	return nil
}
