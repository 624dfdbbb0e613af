package eval

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/system"
)

// WholeSystem is a whole downstream system with what a report says about it.
type WholeSystem struct {
	System   system.System
	Title    string   // for people; the system's name where empty
	Relation string   // to the attacked encoder: same-weights, fine-tuned, other-architecture, defended or black-box
	Note     string   // what it is and how it is asked
	Labels   []string // of a classifier that knows more classes than the data: their names, the data's first
}

// systemGroup is one whole system.
type systemGroup struct {
	sys     system.System
	scorer  scorer
	about   report.System
	workers int

	once   sync.Once
	target *Target
	why    error // there is none
}

// fileBased is implemented by groups that are shown the judged files alone.
type fileBased interface{ filesOnly() bool }

// Whole makes a group of one whole system. data gives the truth's classes and references.
func Whole(w WholeSystem, data *dataset.Dataset) (Group, error) {
	sc, err := newScorer(w.System.Task(), data)
	if err != nil {
		return nil, fmt.Errorf("eval: system %s: %w", w.System.Name(), err)
	}
	if _, ok := sc.(classification); ok && w.Labels != nil {
		sc = classification{w.Labels}
	}
	if w.Title == "" {
		w.Title = w.System.Name()
	}
	g := &systemGroup{sys: w.System, scorer: sc, workers: runtime.GOMAXPROCS(0),
		about: describeSystem(w.System.Name(), w.Title, w.System.Task(), w.Relation, w.Note, sc)}
	if p, ok := w.System.(interface{ Parallel() int }); ok {
		g.workers = p.Parallel()
	}
	return g, nil
}

func describeSystem(id, title string, task head.Task, relation, note string, sc scorer) report.System {
	return report.System{ID: id, Name: title, Task: string(task), Relation: relation, Metric: sc.metric(),
		Chance: report.Number(sc.chance()), Detail: note}
}

// Systems implements [Group].
func (g *systemGroup) Systems() []report.System { return []report.System{g.about} }

func (g *systemGroup) filesOnly() bool {
	_, ok := g.sys.(system.FileBased)
	return ok
}

// Answer implements [Group].
func (g *systemGroup) Answer(ctx context.Context, images []*dataset.Sample) ([][]Response, error) {
	out := make([][]Response, len(images))
	each(len(images), g.workers, func(i int) {
		if ctx.Err() != nil {
			return
		}
		out[i] = []Response{respond(g.sys.Task(), g.scorer, images[i], func(question string) (head.Output, error) {
			return g.sys.Answer(ctx, system.Query{Image: images[i], Question: question})
		})}
	})
	return out, context.Cause(ctx)
}

// Target implements [Targeter] for systems with a gradient.
func (g *systemGroup) Target(id string) *Target {
	if id != g.about.ID {
		return nil
	}
	g.once.Do(func() { g.target, g.why = g.newTarget(context.Background()) })
	return g.target
}

// newTarget takes the system apart.
func (g *systemGroup) newTarget(ctx context.Context) (*Target, error) {
	d, ok := g.sys.(system.Differentiable)
	if !ok {
		return nil, errors.New("a black box")
	}
	enc, h, err := d.Parts(ctx)
	if err != nil {
		return nil, err
	}
	alone := onAlone(h)
	return &Target{Encoder: enc, Group: g, Task: func(ctx context.Context, s *dataset.Sample) (attack.Task, error) {
		clean, err := answers(g.sys.Task(), s, func(question string) (head.Output, error) {
			return g.sys.Answer(ctx, system.Query{Image: s, Question: question})
		})
		if err != nil {
			return attack.Task{}, err
		}
		on := alone
		on.width, on.height = s.Width, s.Height
		return headTask(on, h, clean, truth(g.scorer, s))
	}}, nil
}
