package attack

import (
	"context"
	"math/rand/v2"
)

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

// nesState is the search on one image.
type nesState struct {
	nes
	ctx    context.Context
	p      *problem
	rng    *rand.Rand
	x, y   []float32
	u, sum []float64
}

func (a nes) craft(ctx context.Context, j *job) error {
	p, err := newProblem(ctx, j, a.objective, lens{})
	if err != nil {
		return err
	}
	n := len(j.x0)
	s := &nesState{nes: a, ctx: ctx, p: p, rng: j.rng(0), x: append([]float32(nil), j.x0...), y: make([]float32, n), u: make([]float64, n), sum: make([]float64, n)}
	m, g := make([]float32, n), make([]float32, n)
	dir, alpha := newSteepest(j.tm, n), a.alpha.At(j.tm.scale())
	for k := range a.steps + 1 {
		v, err := p.query(ctx, s.x)
		if err != nil {
			return err
		}
		if err := j.visit(s.x, v, p.fooled(), 0, k); err != nil {
			return err
		}
		if a.stop && j.out.Fooled {
			j.out.Status = Succeeded
			return nil
		}
		if k == a.steps {
			break
		}
		if err := s.estimate(); err != nil {
			return err
		}
		for i, d := range s.sum {
			m[i] = float32(float64(a.mu*float64(m[i])) + float64((1-a.mu)*d))
		}
		copy(g, m)
		j.ball.Restrict(g)
		dir.move(s.x, g, alpha)
		j.ball.Project(s.x)
	}
	return nil
}

// estimate sets sum to the gradient estimate at x.
func (s *nesState) estimate() error {
	clear(s.sum)
	for range max(s.samples/2, 1) {
		for i := range s.u {
			s.u[i] = s.rng.NormFloat64()
		}
		d := 0.0
		for _, side := range []float64{1, -1} {
			for i := range s.y {
				s.y[i] = min(max(float32(float64(s.x[i])+float64(side*s.sigma*s.u[i])), 0), 1)
			}
			v, err := s.p.query(s.ctx, s.y)
			if err != nil {
				return err
			}
			d += side * v
		}
		for i := range s.sum {
			s.sum[i] += float64(d * s.u[i])
		}
	}
	return nil
}
