package attack

import (
	"context"
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
)

var (
	_ = attacks.add("fab-t", "targeted Fast Adaptive Boundary attack: the nearest point beyond the decision boundary (arXiv 1907.02044)", func(a *Args) Attack {
		return newFAB(a, true)
	})
	_ = attacks.add("fab", "Fast Adaptive Boundary attack to the nearest linearised boundary of any class at every step (arXiv 1907.02044)", func(a *Args) Attack {
		return newFAB(a, false)
	})
)

func newFAB(a *Args, targeted bool) Attack {
	f := fab{targeted: targeted, targets: a.Int("targets", 9, 1), steps: a.Int("steps", 100, 1), restarts: a.Int("restarts", 1, 1),
		alpha: a.Float("alpha", 0.1, 0, 1), eta: a.Float("eta", 1.05, 1, 2), beta: a.Float("beta", 0.9, 0, 1),
		stop: a.Choice("stop", "fooled", "never") == "fooled"}
	seed := a.Seed()
	return &imagewise{text: a.String(), label: a.name, seed: seed, craft: f.craft, check: needsNorm(a.name, NormLinf, NormL2, NormL1)}
}

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

// fab is FAB (Croce & Hein, arXiv 1907.02044, alg. 1): project the iterate and the clean image on the
// linearised boundary to a class, step to a mix of both a little beyond, and once across move back towards
// the clean image. The class is each of the first wrong ones in turn (FAB-T, as in AutoAttack), or at every
// step the one among them whose boundary is nearest. The smallest crossing found counts; it is handed out if it
// lies within ε. Restarts after the first begin at a random point of the ball.
type fab struct {
	targeted                 bool
	targets, steps, restarts int
	alpha, eta, beta         float64
	stop                     bool
}

func (a fab) craft(ctx context.Context, j *job) error {
	classes, err := wrongClasses(ctx, j, a.targets)
	if err != nil {
		return err
	}
	each := [][]*problem{classes}
	if a.targeted {
		each = each[:0]
		for _, p := range classes {
			each = append(each, []*problem{p})
		}
	}
	n := 0
	for r := range a.restarts {
		for _, to := range each {
			if err := a.run(ctx, j, to, n, r > 0); err != nil {
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

// wrongClasses are the margins of at most so many wrong classes, those that rank first at the clean image.
func wrongClasses(ctx context.Context, j *job, most int) ([]*problem, error) {
	if _, err := j.task.labels(j.index); err != nil {
		return nil, err
	}
	var to []*problem
	for r := 1; r <= min(most, max(j.task.Head.Classes(), 2)-1); r++ {
		p, err := newProblem(ctx, j, targetMargin{r}, lens{})
		if err != nil {
			return nil, err
		}
		to = append(to, p)
	}
	return to, nil
}

func (a fab) run(ctx context.Context, j *job, to []*problem, r int, random bool) error {
	n := len(j.x0)
	x, g, one := append([]float32(nil), j.x0...), make([]float32, n), make([]float32, n)
	d1, d2 := make([]float64, n), make([]float64, n)
	inside := make([]float32, n)
	if random {
		j.ball.Sample(x, j.rng(r))
	}
	for k := range a.steps {
		near, err := nearestBoundary(ctx, j, to, x, one, g, k)
		if err != nil {
			return err
		}
		across := near.most > 0
		clear(d1)
		if across {
			for i := range d1 {
				d1[i] = float64(x[i]) - float64(j.x0[i])
			}
		}
		if err := j.present(ctx, to[0], x, inside, near.most, r, k); err != nil {
			return err
		}
		if a.stop && j.out.Fooled {
			return nil
		}
		if across { // go back towards the clean image, and stay across by linearisation there
			for i := range x {
				x[i] = float32(float64(j.x0[i]) + float64(a.beta*d1[i]))
			}
			continue
		}
		if math.IsInf(near.distance, 1) {
			j.warn("the gradient of every margin is exactly zero at step %d", k)
			return nil
		}
		a.step(j, x, g, near.margin, d1, d2)
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
