package attack

import "context"

var _ = attacks.add("nes", "NES: sign steps along a gradient estimated from antithetic Gaussian queries (arXiv 1804.08598)", func(a *Args) Attack {
	s := nes{objective: a.Objective("objective", "auto"), steps: a.Int("steps", 20, 1), samples: a.Int("samples", 50, 1),
		sigma: a.Float("sigma", 0.001, 1e-6, 1), alpha: a.Size("alpha", "eps/4"), mu: a.Float("mu", 0.9, 0, 1),
		stop: a.Choice("stop", "fooled", "never") == "fooled"}
	seed := a.Seed()
	return &imagewise{text: a.String(), label: a.name, seed: seed, craft: s.craft}
})

// nes is the query-limited attack of Ilyas et al. (arXiv 1804.08598): the gradient is estimated by natural
// evolution strategies, Σ (f(x+σu) − f(x−σu))·u over Samples/2 Gaussian directions u, smoothed by momentum,
// and followed along the norm's steepest direction. Every step takes Samples+1 queries.
type nes struct {
	objective Objective
	steps     int
	samples   int
	sigma     float64
	alpha     Size
	mu        float64
	stop      bool
}

func (a nes) craft(ctx context.Context, j *job) error {
	p, err := newProblem(ctx, j, a.objective, lens{})
	if err != nil {
		return err
	}
	n, rng := len(j.x0), j.rng(0)
	x, y, m, g := append([]float32(nil), j.x0...), make([]float32, n), make([]float32, n), make([]float32, n)
	u, sum := make([]float64, n), make([]float64, n)
	dir, alpha := newSteepest(j.tm, n), a.alpha.At(j.tm.scale())
	for k := range a.steps + 1 {
		v, err := p.query(ctx, x)
		if err != nil {
			return err
		}
		if err := j.checkFinite(v, nil, k); err != nil {
			return err
		}
		if err := j.offer(x, v, p.fooled()); err != nil {
			return err
		}
		if err := j.emit(0, k, v, x); err != nil {
			return err
		}
		if a.stop && j.out.Fooled {
			j.out.Status = Succeeded
			return nil
		}
		if k == a.steps {
			break
		}
		clear(sum)
		for range max(a.samples/2, 1) {
			for i := range u {
				u[i] = rng.NormFloat64()
			}
			d := 0.0
			for _, s := range []float64{1, -1} {
				for i := range y {
					y[i] = min(max(float32(float64(x[i])+float64(s*a.sigma*u[i])), 0), 1)
				}
				v, err := p.query(ctx, y)
				if err != nil {
					return err
				}
				d += s * v
			}
			for i := range sum {
				sum[i] += float64(d * u[i])
			}
		}
		for i, s := range sum {
			m[i] = float32(float64(a.mu*float64(m[i])) + float64((1-a.mu)*s))
			g[i] = m[i]
		}
		j.ball.Restrict(g)
		dir.move(x, g, alpha)
		j.ball.Project(x)
	}
	return nil
}
