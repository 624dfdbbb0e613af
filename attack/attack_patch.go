package attack

import (
	"context"
	"math"
	"math/rand/v2"
)

var _ = attacks.add("patch", "a free square patch with position search (arXiv 1712.09665, 2005.02313)", func(a *Args) Attack {
	p := patchAttack{objective: a.Objective("objective", "auto"), steps: a.Int("steps", 100, 1), alpha: a.Size("alpha", "0.05"),
		mu: a.Float("mu", 0.9, 0, 10), tries: a.Int("tries", 16, 1), every: a.Int("move", 20, 0), stop: a.Choice("stop", "fooled", "never") == "fooled"}
	seed := a.Seed()
	return &imagewise{text: a.String(), label: a.name, seed: seed, craft: p.craft, check: needsNorm("patch", NormPatch)}
})

// patchAttack fills a square freely (Brown et al., arXiv 1712.09665) and searches for its place (Rao et al.,
// arXiv 2005.02313): it starts at the best of some random places and fills, moves along the gradient's
// sign with momentum, and from time to time tries the four places a quarter of its side away with the
// same content. With a given position (ThreatModel.At) only the content is optimised.
type patchAttack struct {
	objective Objective
	steps     int
	alpha     Size
	mu        float64
	tries     int
	every     int // steps between moves; 0 for none
	stop      bool
}

// patchSearch is the attack on one image.
type patchSearch struct {
	patchAttack
	ctx  context.Context
	j    *job
	p    *problem
	ball *patchBall // at a fixed corner
	x, y []float32
	rng  *rand.Rand
}

func (a patchAttack) craft(ctx context.Context, j *job) error {
	p, err := newProblem(ctx, j, a.objective, lens{})
	if err != nil {
		return err
	}
	free := j.ball.(*patchBall)
	s := &patchSearch{patchAttack: a, ctx: ctx, j: j, p: p, x: append([]float32(nil), j.x0...), y: make([]float32, len(j.x0)), rng: j.rng(0)}
	if err := s.place(free); err != nil {
		return err
	}
	return s.optimise(free)
}

// place chooses the best of some random squares.
func (s *patchSearch) place(free *patchBall) error {
	best, at := math.Inf(-1), Corner{}
	for range s.tries {
		free.Sample(s.y, s.rng)
		v, err := s.p.query(s.ctx, s.y)
		if err != nil {
			return err
		}
		if err := s.j.checkFinite(v, nil, 0); err != nil {
			return err
		}
		if v > best {
			best, at = v, free.pointed
			copy(s.x, s.y)
		}
	}
	return s.fix(free, at)
}

// fix makes the ball of a square at a corner.
func (s *patchSearch) fix(free *patchBall, at Corner) (err error) {
	s.ball, err = newPatchBall(free.clean, free.h, free.w, s.j.tm.Eps, free.mask, &at)
	return err
}

func (s *patchSearch) optimise(free *patchBall) error {
	n := len(s.x)
	g, m := make([]float32, n), make([]float32, n)
	alpha := s.alpha.At(s.j.tm.scale())
	for k := range s.steps + 1 {
		if s.every > 0 && k > 0 && k%s.every == 0 && s.j.tm.At == nil {
			if moved, err := s.move(free); err != nil {
				return err
			} else if moved {
				zero(m)
			}
		}
		v, err := s.p.grad(s.ctx, s.x, g)
		if err != nil {
			return err
		}
		if err := s.j.checkFinite(v, g, k); err != nil {
			return err
		}
		if err := s.j.visit(s.x, v, s.p.fooled(), 0, k); err != nil {
			return err
		}
		if s.stop && s.j.out.Fooled {
			s.j.out.Status = Succeeded
			return nil
		}
		s.ball.Restrict(g)
		accumulate(m, g, s.mu)
		moveSign(s.x, m, alpha)
		s.ball.Project(s.x)
	}
	return nil
}

// move carries the content to the best of the places a quarter of the side away, if it is better there.
func (s *patchSearch) move(free *patchBall) (bool, error) {
	best, err := s.p.query(s.ctx, s.x)
	if err != nil {
		return false, err
	}
	from, to, step := *s.ball.at, *s.ball.at, max(free.side/4, 1)
	for _, d := range [4]Corner{{-step, 0}, {step, 0}, {0, -step}, {0, step}} {
		at := Corner{min(max(from.Y+d.Y, 0), free.h-free.side), min(max(from.X+d.X, 0), free.w-free.side)}
		if at == from {
			continue
		}
		s.carry(free, from, at)
		v, err := s.p.query(s.ctx, s.y)
		if err != nil {
			return false, err
		}
		if v > best {
			best, to = v, at
		}
	}
	if to == from {
		return false, nil
	}
	s.carry(free, from, to)
	copy(s.x, s.y)
	return true, s.fix(free, to)
}

// carry sets y to the clean image with the content of one square of x in another.
func (s *patchSearch) carry(free *patchBall, from, to Corner) {
	copy(s.y, s.j.x0)
	for c := range 3 {
		for r := range free.side {
			for k := range free.side {
				i := (c*free.h+to.Y+r)*free.w + to.X + k
				if free.mask.allows(i) {
					s.y[i] = s.x[(c*free.h+from.Y+r)*free.w+from.X+k]
				}
			}
		}
	}
}
