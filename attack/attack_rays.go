package attack

import (
	"context"
	"math"
)

var _ = attacks.add("rays", "RayS: hard-label search over sign vectors by hierarchical flips (arXiv 2006.12792)", func(a *Args) Attack {
	s := rays{queries: a.Int("queries", 1000, 1), tolerance: a.Float("tolerance", 1e-3, 1e-6, 1)}
	seed := a.Seed()
	return &imagewise{text: a.String(), label: a.name, seed: seed, craft: s.craft, check: needsNorm("rays", NormLinf)}
})

// rays is the Ray Searching attack (Chen & Gu, arXiv 2006.12792): among the corners of the L∞ cube it
// seeks the direction whose decision boundary is nearest, flipping blocks of signs that halve in size at
// every level, with a binary search along directions that pass a quick check. It sees only whether the
// head is wrong, and stops once the boundary lies within ε.
type rays struct {
	queries   int
	tolerance float64
}

// raysState is the search on one image.
type raysState struct {
	ctx  context.Context
	j    *job
	p    *problem
	left int // queries
	x    []float32
	best float64 // distance to the boundary along sign
	sign []int8
}

func (a rays) craft(ctx context.Context, j *job) error {
	p, err := newProblem(ctx, j, Logits{Loss: "cw"}, lens{})
	if err != nil {
		return err
	}
	n := len(j.x0)
	s := &raysState{ctx: ctx, j: j, p: p, left: a.queries, x: make([]float32, n), best: math.Inf(1), sign: make([]int8, n)}
	for i := range s.sign {
		s.sign[i] = 1
	}
	if _, err := s.wrong(0); err != nil { // the clean image, so that there is always an answer
		return err
	}
	if _, err := s.improve(a.tolerance); err != nil {
		return err
	}
	for level, block := 0, 0; s.left > 0 && !j.out.Fooled; {
		size := max((n+(1<<level)-1)>>level, 1)
		from, to := min(block*size, n), min((block+1)*size, n)
		s.flip(from, to)
		better, err := s.improve(a.tolerance)
		if err != nil {
			return err
		}
		if !better {
			s.flip(from, to)
		}
		if block++; block == 1<<level || to == n {
			level, block = level+1, 0
			if size == 1 {
				level = 0
			}
		}
	}
	if j.out.Fooled {
		j.out.Status = Succeeded
	}
	return nil
}

func (s *raysState) flip(from, to int) {
	for i := from; i < to; i++ {
		s.sign[i] = -s.sign[i]
	}
}

// wrong asks the head at distance d along the direction.
func (s *raysState) wrong(d float64) (bool, error) {
	s.left--
	for i, v := range s.j.x0 {
		s.x[i] = min(max(float32(float64(v)+d*float64(s.sign[i])), 0), 1)
	}
	v, err := s.p.query(s.ctx, s.x)
	if err != nil {
		return false, err
	}
	fooled := s.p.fooled()
	return fooled, s.j.presentInside(s.x, v, fooled, s.j.out.Iters)
}

// improve finds the boundary along the direction if it is nearer than the best so far.
func (s *raysState) improve(tolerance float64) (bool, error) {
	hi := min(s.best, 1)
	fooled, err := s.wrong(hi)
	if err != nil || !fooled {
		return false, err
	}
	lo := 0.0
	for hi-lo > tolerance && s.left > 0 && !s.j.out.Fooled {
		mid := (lo + hi) / 2
		if fooled, err = s.wrong(mid); err != nil {
			return false, err
		}
		if fooled {
			hi = mid
		} else {
			lo = mid
		}
	}
	better := hi < s.best
	s.best = min(s.best, hi)
	return better, nil
}
