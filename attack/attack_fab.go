package attack

import (
	"context"
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
)

var _ = attacks.add("fab-t", "targeted Fast Adaptive Boundary attack: the nearest point beyond the decision boundary (arXiv 1907.02044)", func(a *Args) Attack {
	f := fab{targets: a.Int("targets", 9, 1), steps: a.Int("steps", 100, 1), restarts: a.Int("restarts", 1, 1),
		alpha: a.Float("alpha", 0.1, 0, 1), eta: a.Float("eta", 1.05, 1, 2), beta: a.Float("beta", 0.9, 0, 1),
		stop: a.Choice("stop", "fooled", "never") == "fooled"}
	seed := a.Seed()
	return &imagewise{text: a.String(), label: a.name, seed: seed, craft: f.craft, check: needsNorm("fab-t", NormLinf, NormL2, NormL1)}
})

// needsNorm returns a check that the threat model has one of some norms.
func needsNorm(name string, norms ...Norm) func(encoder.Encoder, ThreatModel, *settings) error {
	return func(_ encoder.Encoder, tm ThreatModel, _ *settings) error {
		for _, n := range norms {
			if tm.Norm == n {
				return nil
			}
		}
		return fmt.Errorf("attack: %s is defined for the norms %v, not %s", name, norms, tm)
	}
}

// fab is FAB-T (Croce & Hein, arXiv 1907.02044, alg. 1, targeted as in AutoAttack): project the iterate
// and the clean image on the linearised boundary to a target class, step to a mix of both a little
// beyond, and once across move back towards the clean image. The smallest crossing found counts; it is
// handed out if it lies within ε.
type fab struct {
	targets, steps, restarts int
	alpha, eta, beta         float64
	stop                     bool
}

func (a fab) craft(ctx context.Context, j *job) error {
	if _, err := j.task.labels(j.index); err != nil {
		return err
	}
	n := 0
	for r := 1; r <= min(a.targets, max(j.task.Head.Classes(), 2)-1); r++ {
		p, err := newProblem(ctx, j, targetMargin{r}, lens{})
		if err != nil {
			return err
		}
		for range a.restarts {
			if err := a.run(ctx, j, p, n); err != nil {
				return err
			}
			if n++; a.stop && j.out.Fooled {
				j.out.Status = Succeeded
				return nil
			}
		}
	}
	return nil
}

func (a fab) run(ctx context.Context, j *job, p *problem, r int) error {
	n := len(j.x0)
	x, g := append([]float32(nil), j.x0...), make([]float32, n)
	d1, d2, move := make([]float64, n), make([]float64, n), make([]float64, n)
	inside := make([]float32, n)
	if r >= min(a.targets, max(j.task.Head.Classes(), 2)-1) {
		j.ball.Sample(x, j.rng(r))
	}
	for k := range a.steps {
		v, err := p.grad(ctx, x, g)
		if err != nil {
			return err
		}
		if err := j.checkFinite(v, g, k); err != nil {
			return err
		}
		if v > 0 {
			for i := range move {
				move[i] = float64(x[i]) - float64(j.x0[i])
			}
		}
		if err := j.present(ctx, p, x, inside, v, r, k); err != nil {
			return err
		}
		if a.stop && j.out.Fooled {
			return nil
		}
		if v > 0 { // across: go back towards the clean image, and stay across by linearisation there
			for i := range x {
				x[i] = float32(float64(j.x0[i]) + float64(a.beta*move[i]))
			}
			continue
		}
		a.step(j, x, g, v, d1, d2)
	}
	return nil
}

// step moves x to the mix of the two projections, η beyond the boundary.
func (a fab) step(j *job, x, g []float32, v float64, d1, d2 []float64) {
	toHyperplane(d1, x, g, -v, j.tm.Norm)
	atClean := v // the linearised margin at the clean image
	for i := range g {
		atClean += float64(g[i]) * (float64(j.x0[i]) - float64(x[i]))
	}
	toHyperplane(d2, j.x0, g, -atClean, j.tm.Norm)
	n1, n2 := normOf(d1, j.tm.Norm), normOf(d2, j.tm.Norm)
	mix := 0.0
	if n1+n2 > 0 {
		mix = min(n1/(n1+n2), a.alpha)
	}
	for i := range x {
		near := float64(x[i]) + a.eta*d1[i]
		far := float64(j.x0[i]) + a.eta*d2[i]
		x[i] = float32(min(max(float64((1-mix)*near)+float64(mix*far), 0), 1))
	}
}

// targetMargin is z_t − z_y for the wrong class of a rank at the clean image.
type targetMargin struct{ rank int }

func (o targetMargin) String() string { return expr("margin-t", "rank", o.rank) }

// Bind implements Objective.
func (o targetMargin) Bind(spec encoder.Spec, task *Task, i int) (Loss, error) {
	l, err := Logits{Loss: "dlr-t", Rank: o.rank}.Bind(spec, task, i)
	if err != nil {
		return nil, err
	}
	m := l.(*logitLoss)
	m.one = func(z, d []float64, y, t int) float64 {
		d[t]++
		d[y]--
		return z[t] - z[y]
	}
	return m, nil
}
