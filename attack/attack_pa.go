package attack

import (
	"context"
	"errors"
)

var _ = attacks.add("pa-attack", "PA-Attack: away from the clean tokens to a prototype, in two stages with attention weights renewed (arXiv 2602.19418)",
	func(a *Args) Attack {
		p := paAttack{first: a.Int("first", 50, 1)}
		p.g = Gradient{Name: a.name, Objective: PAAttack{a.Float("lambda", 1, 0, 100), a.Float("tau", 20, 0, 1e4), a.Int("block", -1, -1)}}
		p.g.read(a, Gradient{Iters: 100, Alpha: Size{NewRatio(1, 255), false}, Step: Velocity{0.9}, Select: "last"})
		p.g = p.g.withDefaults()
		return &imagewise{text: a.String(), label: a.name, seed: p.g.Seed, craft: p.craft, check: p.g.check}
	})

// paAttack is PA-Attack's schedule: first steps with the token weights of the clean image, then the
// weights are taken from the image reached, and the attack goes on from there. Both stages keep to ε of the clean
// image: the released code takes the first stage's result for the clean image of the second, whose images may so lie
// 2ε away.
type paAttack struct {
	first int
	g     Gradient // the second stage
}

func (a paAttack) craft(ctx context.Context, j *job) error {
	p, err := newProblem(ctx, j, a.g.Objective, lens{a.g.Transform, a.g.Copies, a.g.Reference, a.g.Native})
	if err != nil {
		return err
	}
	first := a.g
	first.Iters, first.Select = a.first, "last"
	if err := first.restart(ctx, j, p, 0); err != nil {
		return err
	}
	for _, m := range p.models {
		l, ok := m.loss.(*paLoss)
		if !ok {
			return errors.New("attack: pa-attack works on its own objective only")
		}
		acts, err := m.reference(ctx, nil, j.best, j.h, j.w, &j.out.Cost)
		if err != nil {
			return err
		}
		if err := l.attend(acts[1], acts[2]); err != nil {
			return err
		}
	}
	a.g.Init = from(append([]float32(nil), j.best...))
	j.best = nil // values under the new weights do not compare with the old
	return a.g.restart(ctx, j, p, 1)
}
