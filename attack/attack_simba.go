package attack

import "context"

var _ = attacks.add("simba", "SimBA: one random pixel value or DCT direction at a time, no gradient (arXiv 1905.07121)", func(a *Args) Attack {
	s := simba{objective: a.Objective("objective", "auto"), queries: a.Int("queries", 1000, 1), step: a.Size("alpha", "eps"),
		dct: a.Choice("basis", "pixel", "dct") == "dct", stop: a.Choice("stop", "fooled", "never") == "fooled"}
	seed := a.Seed()
	return &imagewise{text: a.String(), label: a.name, seed: seed, craft: s.craft}
})

// simba is the Simple Black-box Attack (Guo et al., arXiv 1905.07121): directions of an orthonormal basis
// in random order without replacement, each tried with both signs, kept if the objective rises. The DCT
// basis is that of whole channels.
type simba struct {
	objective Objective
	queries   int
	step      Size
	dct       bool
	stop      bool
}

func (a simba) craft(ctx context.Context, j *job) error {
	p, err := newProblem(ctx, j, a.objective, lens{})
	if err != nil {
		return err
	}
	n, rng := len(j.x0), j.rng(0)
	best, x := append([]float32(nil), j.x0...), append([]float32(nil), j.x0...)
	basis := newBasis(a.dct, j.h, j.w)
	value, order, next := 0.0, rng.Perm(n), 0
	alpha := a.step.At(j.tm.scale())
	for q := 0; q < a.queries; q++ {
		v, err := p.query(ctx, x)
		if err != nil {
			return err
		}
		if err := j.visit(x, v, p.fooled(), 0, q); err != nil {
			return err
		}
		if a.stop && j.out.Fooled {
			j.out.Status = Succeeded
			return nil
		}
		second := q > 0 && q%2 == 1 // the first sign was just tried
		improved := q == 0 || v > value
		if improved {
			value = v
			copy(best, x)
		}
		sign := alpha
		if second && !improved {
			sign = -alpha
		} else {
			next++
		}
		copy(x, best)
		basis.add(x, order[(next-1)%n], sign)
		j.ball.Project(x)
	}
	return nil
}

// basis is an orthonormal basis of images: single values, or two-dimensional cosines of one channel.
type basis struct {
	dct  bool
	h, w int
}

func newBasis(dct bool, h, w int) basis { return basis{dct, h, w} }

// add adds size times direction k to x.
func (b basis) add(x []float32, k int, size float64) {
	if !b.dct {
		x[k] += float32(size)
		return
	}
	c, u, v := k/(b.h*b.w), k/b.w%b.h, k%b.w
	for y := range b.h {
		cy := cosineBasis(b.h, u, y)
		for col := range b.w {
			x[(c*b.h+y)*b.w+col] += float32(size * cy * cosineBasis(b.w, v, col))
		}
	}
}
