package attack

import (
	"context"
	"math"
)

var _ = attacks.add("deepfool", "DeepFool: steps to the nearest linearised class boundary (arXiv 1511.04599)", func(a *Args) Attack {
	d := deepFool{steps: a.Int("steps", 50, 1), classes: a.Int("classes", 9, 1), overshoot: a.Float("overshoot", 0.02, 0, 1)}
	seed := a.Seed()
	return &imagewise{text: a.String(), label: a.name, seed: seed, craft: d.craft, check: needsNorm("deepfool", NormLinf, NormL2)}
})

// deepFool goes, step by step, to the nearest of the linearised boundaries to the wrong classes that rank
// first at the clean image, and a little beyond in the end (Moosavi-Dezfooli et al., arXiv 1511.04599,
// alg. 2; eq. 10 for L∞). The point counts if it lies within ε.
type deepFool struct {
	steps, classes int
	overshoot      float64
}

func (a deepFool) craft(ctx context.Context, j *job) error {
	if _, err := j.task.labels(j.index); err != nil {
		return err
	}
	var to []*problem
	for r := 1; r <= min(a.classes, max(j.task.Head.Classes(), 2)-1); r++ {
		p, err := newProblem(ctx, j, targetMargin{r}, lens{})
		if err != nil {
			return err
		}
		to = append(to, p)
	}
	n := len(j.x0)
	x, beyond, inner := append([]float32(nil), j.x0...), make([]float32, n), make([]float32, n)
	g, best := make([]float32, n), make([]float32, n)
	for k := range a.steps {
		for i := range x { // the point judged lies a little beyond the one reached
			d := float64(x[i]) - float64(j.x0[i])
			beyond[i] = min(max(float32(float64(j.x0[i])+float64((1+a.overshoot)*d)), 0), 1)
		}
		v, err := to[0].value(ctx, beyond)
		if err != nil {
			return err
		}
		fooled := to[0].fooled()
		if err := j.present(ctx, to[0], beyond, inner, v, 0, k); err != nil || fooled {
			if j.out.Fooled {
				j.out.Status = Succeeded
			}
			return err
		}
		near, gap := math.Inf(1), 0.0
		for _, p := range to {
			v, err := p.grad(ctx, x, g)
			if err != nil {
				return err
			}
			if err := j.checkFinite(v, g, k); err != nil {
				return err
			}
			if d := math.Abs(v) / dualNorm(g, j.tm.Norm); d < near {
				near, gap = d, math.Abs(v)
				copy(best, g)
			}
		}
		if math.IsInf(near, 1) {
			j.warn("the gradient of every margin is exactly zero at step %d", k)
			return nil
		}
		newSteepest(j.tm, n).move(x, best, (gap+1e-4*near)/dualNorm(best, j.tm.Norm))
		for i, v := range x {
			x[i] = min(max(v, 0), 1)
		}
	}
	return nil
}

// dualNorm is the gain per unit of norm: |g|₁ for L∞, |g|₂ for L2.
func dualNorm(g []float32, norm Norm) float64 {
	if norm == NormL2 {
		return norm2(g)
	}
	s := 0.0
	for _, v := range g {
		s += absf(v)
	}
	return s
}
