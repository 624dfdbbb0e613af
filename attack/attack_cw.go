package attack

import (
	"context"
	"math"
)

var _ = attacks.add("cw-l2", "Carlini & Wagner's minimum-norm L2 attack (arXiv 1608.04644)", func(a *Args) Attack {
	c := carliniWagner{objective: a.Objective("objective", "cw"), steps: a.Int("steps", 200, 1), search: a.Int("search", 9, 1),
		c: a.Float("c", 0.01, 1e-9, 1e9), lr: a.Float("lr", 0.01, 1e-9, 10), kappa: a.Float("kappa", 0, 0, 1e3)}
	seed := a.Seed()
	return &imagewise{text: a.String(), label: a.name, seed: seed, craft: c.craft, check: needsNorm("cw-l2", NormL2)}
})

// carliniWagner minimises ‖x'−x‖² − c·min(margin, κ) over w with x' = (tanh w + 1)/2, by Adam, and
// searches for the smallest c that fools the head: tenfold up, bisection down (Carlini & Wagner, arXiv
// 1608.04644, sec. VI). The smallest perturbation found counts if it lies within ε.
type carliniWagner struct {
	objective Objective
	steps     int
	search    int
	c, lr     float64
	kappa     float64
}

func (a carliniWagner) craft(ctx context.Context, j *job) error {
	p, err := newProblem(ctx, j, a.objective, lens{})
	if err != nil {
		return err
	}
	lo, hi, c := 0.0, math.Inf(1), a.c
	for r := range a.search {
		fooled, err := a.run(ctx, j, p, c, r)
		if err != nil {
			return err
		}
		if fooled {
			hi = c
		} else {
			lo = c
		}
		if math.IsInf(hi, 1) {
			c *= 10
		} else {
			c = (lo + hi) / 2
		}
	}
	if j.out.Fooled {
		j.out.Status = Succeeded
	}
	return nil
}

// run is one minimisation; it reports whether any iterate fooled the head by κ.
func (a carliniWagner) run(ctx context.Context, j *job, p *problem, c float64, r int) (bool, error) {
	n := len(j.x0)
	w, g := make([]float32, n), make([]float32, n)
	x, inner := append([]float32(nil), j.x0...), make([]float32, n)
	for i, v := range j.x0 {
		w[i] = float32(math.Atanh((2*float64(v) - 1) * 0.999999))
	}
	adam, any := newAdamW(a.lr, n), false
	adam.decay = 0
	for k := range a.steps {
		v, err := p.grad(ctx, x, g)
		if err != nil {
			return any, err
		}
		if err := j.checkFinite(v, g, k); err != nil {
			return any, err
		}
		across := v > a.kappa
		any = any || across
		if err := j.present(ctx, p, x, inner, v, r, k); err != nil {
			return any, err
		}
		for i := range g {
			t := math.Tanh(float64(w[i]))
			d := 2 * (float64(x[i]) - float64(j.x0[i]))
			if !across {
				d -= c * float64(g[i])
			}
			g[i] = float32(d * (1 - t*t) / 2)
		}
		j.ball.Restrict(g)
		adam.step(w, g, 1)
		for i := range x {
			if g[i] != 0 || x[i] != j.x0[i] {
				x[i] = float32((math.Tanh(float64(w[i])) + 1) / 2)
			}
		}
	}
	return any, nil
}
