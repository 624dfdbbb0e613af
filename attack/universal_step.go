package attack

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/plumbline-ml/plumbline/encoder"
)

// share is one image's part of a step.
type share struct {
	x     []float32 // the image under the perturbation
	g     []float32 // gradient at the perturbation
	value float64
	per   []float64 // value per arm
	cost  Cost
	err   error
}

// gradient sets g to the mean gradient over the images of a batch that can be used, and returns how many
// they are. Images are worked on at once, and added up in order.
func (s *search) gradient(ctx context.Context, members []encoder.Encoder, batch []int, t int) (int, error) {
	arms := s.arms.choose()
	shares := make([]share, len(batch))
	var wg sync.WaitGroup
	slots := make(chan struct{}, s.run.set.workers)
	for k, i := range batch {
		if s.run.result.Outcomes[i].Status != Done {
			continue
		}
		wg.Add(1)
		slots <- struct{}{}
		go func() {
			defer wg.Done()
			defer func() { <-slots }()
			shares[k] = s.one(ctx, members, arms, i)
		}()
	}
	wg.Wait()
	return s.gather(ctx, arms, batch, shares, t)
}

// gather adds up the parts and records outcomes.
func (s *search) gather(ctx context.Context, arms, batch []int, shares []share, t int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	zero(s.g)
	used, reward := 0, make([]float64, len(arms))
	for k, i := range batch {
		out, p := &s.run.result.Outcomes[i], &shares[k]
		if out.Status != Done {
			continue
		}
		out.Cost.add(p.cost)
		if p.err != nil {
			var nonFinite *NonFiniteError
			if !errors.As(p.err, &nonFinite) {
				return 0, p.err
			}
			out.Status, out.Err = NonFinite, p.err
			out.Warnings = append(out.Warnings, p.err.Error())
			continue
		}
		if out.Iters++; out.Iters == 1 {
			out.Start = p.value
		}
		used++
		for n, v := range p.per {
			reward[n] += v
		}
		for n, v := range p.g {
			s.g[n] += v / float32(len(batch))
		}
		if s.yield != nil && !s.yield(Step{Image: i, Iter: t, Value: p.value, Best: p.value, X: newImage(p.x, s.size(i)[0], s.size(i)[1])}) {
			return 0, errStopped
		}
	}
	for n, a := range arms {
		if used > 0 {
			s.arms.reward(a, reward[n]/float64(used))
		}
	}
	return used, nil
}

func (s *search) size(i int) [2]int {
	shape := s.run.images[i].Shape()
	return [2]int{shape[1], shape[2]}
}

// one computes one image's part.
func (s *search) one(ctx context.Context, members []encoder.Encoder, arms []int, i int) (out share) {
	j := s.job(i)
	defer func() {
		if p := recover(); p != nil {
			out.err = fmt.Errorf("attack: %s: panic: %v", j.out.Name, p)
		}
		out.cost = j.out.Cost
	}()
	r := resampler{kernel: tent}
	r.set(s.h, s.w, j.h, j.w)
	d := make([]float32, len(j.x0))
	r.forward(d, s.delta)
	out.x = make([]float32, len(d))
	for k := range d {
		out.x[k] = j.x0[k] + d[k]
	}
	free := append([]float32(nil), out.x...)
	j.ball.Project(out.x)
	g, sum := make([]float32, len(d)), make([]float32, len(d))
	for _, a := range arms {
		j.enc = members[a]
		p, err := newProblem(ctx, j, s.objective, lens{})
		if err != nil {
			out.err = err
			return out
		}
		v, err := p.grad(ctx, out.x, g)
		if err == nil {
			err = j.checkFinite(v, g, 0)
		}
		if err != nil {
			out.err = err
			return out
		}
		out.per = append(out.per, v)
		out.value += v / float64(len(arms))
		for k := range g {
			sum[k] += g[k] / float32(len(arms))
		}
	}
	for k, v := range free { // the clip at 0 and 1 passes no gradient
		if v < 0 || v > 1 {
			sum[k] = 0
		}
	}
	out.g = make([]float32, len(s.delta))
	r.adjoint(out.g, sum)
	return out
}
