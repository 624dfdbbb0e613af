package attack

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// How the reference of an objective follows a random transform.
const (
	refFixed = "fixed" // the reference is the clean image as it is
	refSame  = "same"  // the reference goes through the same random version as the image
	refOwn   = "own"   // the reference goes through a random version of its own
)

// view of the objective: through which transform and at which resolution it is seen.
type lens struct {
	transform Transform // nil for none
	copies    int       // random versions averaged per gradient (EOT); at least 1
	reference string    // refFixed, refSame or refOwn
	native    bool      // run the encoder at the image's own size, see sizes
}

// problem is an objective at one image on one or several encoders: value and gradient at pixels.
type problem struct {
	job    *job
	lens   lens
	models []*surrogate
	warp   Warp
	rng    *rand.Rand
	g, out []float32 // one version's gradient, and it brought back through the transform
}

// newProblem binds the objective to the encoder, or to every member of an ensemble.
func newProblem(ctx context.Context, j *job, o Objective, l lens) (*problem, error) {
	p := &problem{job: j, lens: l}
	p.lens.copies = max(l.copies, 1)
	members, atSize := []encoder.Encoder{j.enc}, []*sizes{j.sizes}
	if e, ok := j.enc.(*Ensemble); ok {
		members, atSize = e.members, nil
		for _, m := range members {
			atSize = append(atSize, newSizes(m))
		}
	}
	for k, e := range members {
		s, err := newSurrogate(j, e, o)
		if err != nil {
			return nil, err
		}
		if l.native {
			s.sizes = atSize[k]
		}
		if err := s.fixReference(ctx, &j.out.Cost); err != nil {
			return nil, err
		}
		p.models = append(p.models, s)
	}
	if _, none := l.transform.(Identity); l.transform != nil && !none {
		p.warp = l.transform.New(j.h, j.w, j.task)
		p.out = make([]float32, len(j.x0))
	}
	p.g = make([]float32, len(j.x0))
	return p, nil
}

// random reports whether two calls of grad at one point can differ.
func (p *problem) random() bool { return p.warp != nil }

// value returns the objective at x itself, untransformed.
func (p *problem) value(ctx context.Context, x []float32) (float64, error) {
	return p.each(func(m *surrogate) (float64, error) {
		if err := m.usePlain(); err != nil {
			return 0, err
		}
		return m.eval(ctx, x, p.job.h, p.job.w, nil, &p.job.out.Cost)
	})
}

// fooled reports whether the head was wrong at the last evaluation, on every surrogate; without a head
// it is false.
func (p *problem) fooled() bool {
	for _, m := range p.models {
		if l, ok := m.loss.(Judged); !ok || !l.Fooled() {
			return false
		}
	}
	return true
}

// query is value, counted as a black-box query.
func (p *problem) query(ctx context.Context, x []float32) (float64, error) {
	p.job.out.Cost.Queries++
	return p.value(ctx, x)
}

// grad returns the objective at x, seen through the lens, and writes its gradient, both averaged over
// the lens' copies and the surrogates.
func (p *problem) grad(ctx context.Context, x, g []float32) (float64, error) {
	zero(g)
	total := 0.0
	share := 1 / float64(p.lens.copies*len(p.models))
	for c := range p.lens.copies {
		v, err := p.each(func(m *surrogate) (float64, error) {
			v, d, err := p.version(ctx, m, x, c)
			if err != nil {
				return 0, err
			}
			if share == 1 {
				copy(g, d)
				return v, nil
			}
			for i := range g {
				g[i] += float32(share * float64(d[i]))
			}
			return v, nil
		})
		if err != nil {
			return 0, err
		}
		total += v / float64(p.lens.copies)
	}
	p.job.ball.Restrict(g)
	return total, nil
}

// version returns the value and gradient of one random version of x.
func (p *problem) version(ctx context.Context, m *surrogate, x []float32, c int) (float64, []float32, error) {
	cost := &p.job.out.Cost
	if p.warp == nil {
		if err := m.usePlain(); err != nil {
			return 0, nil, err
		}
		v, err := m.eval(ctx, x, p.job.h, p.job.w, p.g, cost)
		return v, p.g, err
	}
	if p.lens.reference == refOwn {
		h, w := p.warp.Draw(p.rng, c)
		if err := m.warpReference(ctx, p.warp, h, w, cost); err != nil {
			return 0, nil, err
		}
	}
	h, w := p.warp.Draw(p.rng, c)
	switch p.lens.reference {
	case refSame:
		if err := m.warpReference(ctx, p.warp, h, w, cost); err != nil {
			return 0, nil, err
		}
	case refFixed:
		if err := m.usePlain(); err != nil {
			return 0, nil, err
		}
	}
	y := m.scratch(3 * h * w)
	p.warp.Forward(y, x)
	if len(p.g) < len(y) {
		p.g = make([]float32, len(y))
	}
	v, err := m.eval(ctx, y, h, w, p.g[:len(y)], cost)
	if err != nil {
		return 0, nil, err
	}
	p.warp.Adjoint(p.out, p.g[:len(y)])
	return v, p.out, nil
}

// each averages f over the surrogates.
func (p *problem) each(f func(*surrogate) (float64, error)) (float64, error) {
	total := 0.0
	for _, m := range p.models {
		v, err := f(m)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", m.enc.Spec().Name, err)
		}
		total += v
	}
	return total / float64(len(p.models)), nil
}

// wrap makes a 3×h×w image whose pixels are set later.
func wrap(h, w int) (*tensor.Dense, []float32) {
	x := make([]float32, 3*h*w)
	return newImage(x, h, w), x
}
