package attack

import (
	"context"
	"fmt"
	"math"
)

var _ = attacks.add("autoattack", "AutoAttack: a cascade of parameter-free attacks, with flags for masked gradients (arXiv 2003.01690)", func(a *Args) Attack {
	version := a.Choice("version", "standard", "plus", "rand")
	seed := a.Int("seed", 0, 0)
	var list []*imagewise
	for _, text := range autoAttackParts[version] {
		p, err := attacks.build(mustCall(text))
		if err == nil {
			p, err = With(p, fmt.Sprintf("seed=%d", seed))
		}
		if err != nil {
			a.errs = append(a.errs, err)
			return nil
		}
		list = append(list, p.(*imagewise))
	}
	c := autoAttack{version, list}
	return &imagewise{text: a.String(), label: a.name, seed: uint64(seed), craft: c.craft, check: needsNorm("autoattack", NormLinf, NormL2, NormL1)}
})

// autoAttackParts are the published ensembles.
var autoAttackParts = map[string][]string{
	"standard": {"apgd-ce", "apgd-t", "fab-t", "square"},
	"plus":     {"apgd-ce(restarts=5)", "apgd-dlr(restarts=5)", "fab(restarts=5)", "square", "apgd-t", "fab-t(restarts=5)"},
	"rand":     {"apgd-ce(copies=20)", "apgd-dlr(copies=20)"},
}

// autoAttack is AutoAttack (Croce & Hein, arXiv 2003.01690) as fra31/auto-attack composes it: every
// attack on the images whose head is still right.
//
// It warns, per image, of what makes its verdict doubtful: the published flags (outputs that vary between
// runs, logits that are probabilities, a zero gradient at the start, Square fooling what the white-box
// attacks could not, an optimisation inside the encoder (see [Dynamic]), too few classes for the targeted
// losses) and one of our own: a gradient that does not predict the objective's change.
type autoAttack struct {
	version string
	parts   []*imagewise
}

func (a autoAttack) craft(ctx context.Context, j *job) error {
	if _, err := j.task.labels(j.index); err != nil {
		return fmt.Errorf("attack: autoattack: %w", err)
	}
	judge, err := newProblem(ctx, j, Logits{Loss: "cw"}, lens{})
	if err != nil {
		return err
	}
	if err := a.flags(ctx, j); err != nil {
		return err
	}
	for _, p := range a.parts {
		if p.label == "apgd-t" || p.label == "fab-t" {
			if k := max(j.task.Head.Classes(), 2); k < 4 {
				j.warn("flag: %d classes are too few for targeted DLR, which falls back to a simpler ratio", k)
			}
		}
		s, err := j.sub(ctx, p, 0)
		if e := j.judged(ctx, judge, s); e != nil {
			return e
		}
		if err != nil {
			return err
		}
		if j.out.Fooled {
			if p.label == "square" {
				j.warn("flag: Square fooled the head where gradients did not: they may be masked")
			}
			j.out.Status = Succeeded
			return nil
		}
	}
	return nil
}

// flags examines the head at the clean image.
func (a autoAttack) flags(ctx context.Context, j *job) error {
	if dynamic(j.enc) {
		j.warn("flag: the encoder optimises while it looks at an image: gradients through it may mislead; attack that optimisation as well")
	}
	p, err := newProblem(ctx, j, Logits{Loss: "ce"}, lens{})
	if err != nil {
		return err
	}
	g := make([]float32, len(j.x0))
	first, err := p.grad(ctx, j.x0, g)
	if err != nil {
		return err
	}
	l, ok := p.models[0].loss.(*logitLoss)
	if !ok {
		return nil
	}
	logits := append([]float64(nil), l.logits...)
	if looksLikeProbabilities(logits, l.classes) {
		j.warn("flag: the head's outputs look like probabilities; attacks need logits")
	}
	for range 4 {
		if _, err := p.value(ctx, j.x0); err != nil {
			return err
		}
		if a.version != "rand" && relative(l.logits, logits) > 1e-4 {
			j.warn("flag: the head's outputs vary between runs; use version=rand")
			break
		}
	}
	if maxAbs(g) == 0 {
		j.warn("flag: the gradient is exactly zero at the clean image")
		return nil
	}
	return a.predicts(ctx, j, p, first, g)
}

// predicts compares the gradient's promise for a small step with what the step does.
func (a autoAttack) predicts(ctx context.Context, j *job, p *problem, first float64, g []float32) error {
	x := append([]float32(nil), j.x0...)
	moveAlong(x, g, 1e-2, norm2(g))
	promise := 0.0
	for i := range x {
		x[i] = min(max(x[i], 0), 1)
		promise += float64(g[i]) * (float64(x[i]) - float64(j.x0[i]))
	}
	v, err := p.value(ctx, x)
	if err != nil {
		return err
	}
	if gain := v - first; promise > 1e-9 && math.Abs(gain-promise) > 0.5*promise+1e-6*math.Abs(first) {
		j.warn("flag: a small step along the gradient changes the loss by %.3g, the gradient promises %.3g: it may be masked or shattered", gain, promise)
	}
	return nil
}

// looksLikeProbabilities reports whether every position's outputs lie in [0,1] and add up to 1.
func looksLikeProbabilities(z []float64, classes int) bool {
	for at := 0; at < len(z); at += classes {
		sum := 0.0
		for _, v := range z[at : at+classes] {
			if v < 0 || v > 1 {
				return false
			}
			sum += v
		}
		if math.Abs(sum-1) > 1e-5 {
			return false
		}
	}
	return true
}

// relative is ‖a−b‖/‖b‖.
func relative(a, b []float64) float64 {
	d, n := 0.0, 0.0
	for i := range a {
		d += (a[i] - b[i]) * (a[i] - b[i])
		n += b[i] * b[i]
	}
	return math.Sqrt(d / max(n, 1e-30))
}
