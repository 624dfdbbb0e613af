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
	to, err := wrongClasses(ctx, j, a.classes)
	if err != nil {
		return err
	}
	n := len(j.x0)
	x, beyond, inner := append([]float32(nil), j.x0...), make([]float32, n), make([]float32, n)
	g, best := make([]float32, n), make([]float32, n)
	for k := range a.steps {
		fooled, err := a.beyond(ctx, j, to[0], x, beyond, inner, k)
		if err != nil {
			return err
		}
		if fooled {
			if j.out.Fooled {
				j.out.Status = Succeeded
			}
			return nil
		}
		near, err := nearestBoundary(ctx, j, to, x, g, best, k)
		if err != nil {
			return err
		}
		if math.IsInf(near.distance, 1) {
			j.warn("the gradient of every margin is exactly zero at step %d", k)
			return nil
		}
		newSteepest(j.tm, n).move(x, best, near.distance*(1+1e-4))
		for i, v := range x {
			x[i] = min(max(v, 0), 1)
		}
	}
	return nil
}

// beyond judges the point a little beyond the one reached.
func (a deepFool) beyond(ctx context.Context, j *job, p *problem, x, beyond, inner []float32, k int) (fooled bool, err error) {
	for i := range x {
		d := float64(x[i]) - float64(j.x0[i])
		beyond[i] = min(max(float32(float64(j.x0[i])+float64((1+a.overshoot)*d)), 0), 1)
	}
	v, err := p.value(ctx, beyond)
	if err != nil {
		return false, err
	}
	fooled = p.fooled()
	return fooled, j.present(ctx, p, beyond, inner, v, 0, k)
}

// boundary is the nearest of some linearised boundaries to wrong classes.
type boundary struct {
	distance float64 // +Inf where every gradient is zero
	margin   float64 // its class's logit minus the right one's
	most     float64 // the largest margin of all
}

// nearestBoundary looks from x and sets best to the gradient of the margin whose boundary is nearest; g is scratch.
func nearestBoundary(ctx context.Context, j *job, to []*problem, x, g, best []float32, k int) (boundary, error) {
	b := boundary{math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, p := range to {
		v, err := p.grad(ctx, x, g)
		if err != nil {
			return b, err
		}
		if err := j.checkFinite(v, g, k); err != nil {
			return b, err
		}
		b.most = max(b.most, v)
		if d := math.Abs(v) / dualNorm(g, j.tm.Norm); d < b.distance {
			b.distance, b.margin = d, v
			copy(best, g)
		}
	}
	return b, nil
}

// dualNorm is the gain per unit of norm: |g|₁ for L∞, |g|₂ for L2, |g|∞ for L1.
func dualNorm(g []float32, norm Norm) float64 {
	switch norm {
	case NormL2:
		return norm2(g)
	case NormL1:
		return maxAbs(g)
	}
	s := 0.0
	for _, v := range g {
		s += absf(v)
	}
	return s
}
