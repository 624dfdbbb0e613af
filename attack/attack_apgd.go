package attack

import "context"

// Auto-PGD on the losses that AutoAttack uses, and on any objective.
var (
	_ = attacks.add("apgd", "Auto-PGD on any objective (arXiv 2003.01690)", func(a *Args) Attack {
		return newAPGD(a, a.Objective("objective", "auto"), 1)
	})
	_ = attacks.add("apgd-ce", "Auto-PGD on cross-entropy (arXiv 2003.01690)", func(a *Args) Attack {
		return newAPGD(a, Logits{Loss: "ce"}, 1)
	})
	_ = attacks.add("apgd-dlr", "Auto-PGD on the difference of logits ratio (arXiv 2003.01690)", func(a *Args) Attack {
		return newAPGD(a, Logits{Loss: "dlr"}, 1)
	})
	_ = attacks.add("apgd-t", "Auto-PGD on the targeted DLR loss, one target class after the other (arXiv 2003.01690)", func(a *Args) Attack {
		return newAPGD(a, nil, a.Int("targets", 9, 1))
	})
)

// apgd is Auto-PGD (Croce & Hein, arXiv 2003.01690, alg. 1): momentum between iterates, a step of 2ε that
// is halved at checkpoints without progress, where the search resumes at the best point. L∞ and L2 are
// the paper's; other norms use the same schedule with their steepest direction and projection.
type apgd struct {
	objective Objective // nil: targeted DLR on each of the first classes
	targets   int
	steps     int
	restarts  int
	copies    int // EOT samples per gradient
	rho       float64
	stop      bool
}

func newAPGD(a *Args, o Objective, targets int) Attack {
	p := apgd{objective: o, targets: targets, steps: a.Int("steps", 100, 1), restarts: a.Int("restarts", 1, 1),
		copies: a.Int("copies", 1, 1), rho: a.Float("rho", 0.75, 0, 1), stop: a.Choice("stop", "fooled", "never") == "fooled"}
	seed := a.Seed()
	return &imagewise{text: a.String(), label: a.name, seed: seed, craft: p.craft}
}

func (a apgd) craft(ctx context.Context, j *job) error {
	objectives := []Objective{a.objective}
	if a.objective == nil {
		if _, err := j.task.labels(j.index); err != nil {
			return err
		}
		objectives = objectives[:0]
		for r := 1; r <= min(a.targets, max(j.task.Head.Classes(), 2)-1); r++ {
			objectives = append(objectives, Logits{"dlr-t", r})
		}
	}
	for n, o := range objectives {
		p, err := newProblem(ctx, j, o, lens{})
		if err != nil {
			return err
		}
		p.lens.copies = a.copies
		for r := range a.restarts {
			if err := a.run(ctx, j, p, n*a.restarts+r); err != nil {
				return err
			}
			if a.stop && j.out.Fooled {
				j.out.Status = Succeeded
				return nil
			}
		}
	}
	return nil
}

// apgdState is one run from one start.
type apgdState struct {
	x, prev, best, z []float32
	g, bestG         []float32
	dir              steepest
	eta              float64
	value, bestValue float64
	ups              int     // steps that raised the value since the last checkpoint
	check            int     // steps until the next checkpoint
	period           int     // length of the current one
	lastBest         float64 // best value at the last checkpoint
	halved           bool    // the step was halved there
}

func (a apgd) run(ctx context.Context, j *job, p *problem, r int) error {
	n := len(j.x0)
	buf := func() []float32 { return make([]float32, n) }
	s := &apgdState{x: append([]float32(nil), j.x0...), prev: buf(), best: buf(), z: buf(), g: buf(), bestG: buf(),
		dir: newSteepest(j.tm, n), eta: 2 * j.tm.scale().Float(), halved: true}
	p.rng = j.rng(r)
	j.ball.Sample(s.x, p.rng)
	s.period = max(int(0.22*float64(a.steps)), 1)
	s.check = s.period
	if r == 0 && len(j.starts) > 0 {
		if err := s.begin(ctx, j, p); err != nil {
			return err
		}
	}
	copy(s.prev, s.x)
	if err := a.visit(ctx, j, p, s, r, 0); err != nil {
		return err
	}
	s.lastBest = s.bestValue
	for k := 1; k <= a.steps; k++ {
		if a.stop && j.out.Fooled {
			return nil
		}
		s.move(j.ball, k == 1)
		before := s.value
		if err := a.visit(ctx, j, p, s, r, k); err != nil {
			return err
		}
		if s.value > before {
			s.ups++
		}
		if s.check--; s.check == 0 {
			s.checkpoint(a)
		}
	}
	return nil
}

// begin moves x from its random start to the best of the starts that were given, if that is better.
func (s *apgdState) begin(ctx context.Context, j *job, p *problem) error {
	v, err := p.value(ctx, s.x)
	if err != nil {
		return err
	}
	best, _, err := j.startAt(ctx, p, v)
	if best != nil {
		copy(s.x, best)
	}
	return err
}

// visit evaluates x and keeps it if it is the best.
func (a apgd) visit(ctx context.Context, j *job, p *problem, s *apgdState, r, k int) error {
	v, err := p.grad(ctx, s.x, s.g)
	if err != nil {
		return err
	}
	if err := j.checkFinite(v, s.g, k); err != nil {
		return err
	}
	s.value = v
	if k == 0 || v > s.bestValue {
		s.bestValue = v
		copy(s.best, s.x)
		copy(s.bestG, s.g)
	}
	if k == 0 && maxAbs(s.g) == 0 {
		j.warn("the gradient is exactly zero at step 0")
	}
	return j.visit(s.x, v, p.fooled(), r, k)
}

// move takes the step with momentum 0.25 between iterates: z = P(x + η·dir), then
// x ← P(x + 0.75(z − x) + 0.25(x − x_prev)).
func (s *apgdState) move(ball Ball, first bool) {
	copy(s.z, s.x)
	s.dir.move(s.z, s.g, s.eta)
	ball.Project(s.z)
	a := 0.75
	if first {
		a = 1
	}
	for i, x := range s.x {
		next := float64(x) + float64(a*(float64(s.z[i])-float64(x))) + float64((1-a)*(float64(x)-float64(s.prev[i])))
		s.prev[i] = x
		s.x[i] = float32(next)
	}
	ball.Project(s.x)
}

// checkpoint halves the step and returns to the best point if too few steps of the period raised the
// value, or if neither step size nor best value changed since the last checkpoint.
func (s *apgdState) checkpoint(a apgd) {
	stuck := !s.halved && s.bestValue <= s.lastBest
	s.halved = float64(s.ups) < a.rho*float64(s.period) || stuck
	if s.halved {
		s.eta /= 2
		copy(s.x, s.best)
		copy(s.prev, s.best)
		copy(s.g, s.bestG)
		s.value = s.bestValue
	}
	s.lastBest, s.ups = s.bestValue, 0
	s.period = max(s.period-max(int(0.03*float64(a.steps)), 1), max(int(0.06*float64(a.steps)), 1))
	s.check = s.period
}
