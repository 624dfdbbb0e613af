package attack

import (
	"context"
	"fmt"
)

var _ = attacks.add("noise", "random noise inside the threat model, the best of some draws: what any attack has to beat",
	func(a *Args) Attack {
		n := noise{objective: a.Objective("objective", "prm"), draws: a.Int("draws", 1, 1), corners: a.Choice("dist", "uniform", "sign") == "sign"}
		seed := a.Seed()
		return &imagewise{text: a.String(), label: a.name, seed: seed, craft: n.craft}
	})

// noise draws random points of the threat model and keeps the one with the largest objective.
type noise struct {
	objective Objective
	draws     int
	corners   bool // ±ε instead of uniform
}

func (n noise) craft(ctx context.Context, j *job) error {
	p, err := newProblem(ctx, j, n.objective, lens{})
	if err != nil {
		return err
	}
	rng := j.rng(0)
	x := make([]float32, len(j.x0))
	for k := range n.draws {
		copy(x, j.x0)
		if n.corners {
			if j.tm.Norm != NormLinf {
				return fmt.Errorf("attack: noise(dist=sign) is for L∞, not %s", j.tm)
			}
			eps := float32(j.tm.Eps.Float())
			for i := range x {
				x[i] += eps * float32(1-2*int(rng.Uint64()>>63))
			}
			j.ball.Project(x)
		} else {
			j.ball.Sample(x, rng)
		}
		v, err := p.query(ctx, x)
		if err != nil {
			return err
		}
		if err := j.visit(x, v, p.fooled(), 0, k); err != nil {
			return err
		}
	}
	return nil
}
