package attack

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// Run implements Attack. Outcomes hold the objective of every image under the final perturbation, which
// Result.Universal holds.
func (u *universal) Run(ctx context.Context, enc encoder.Encoder, images []*tensor.Dense, tm ThreatModel, opts ...Option) (*Result, error) {
	return u.do(ctx, enc, images, tm, opts, nil)
}

// Steps implements Attack: it yields every image of every batch.
func (u *universal) Steps(ctx context.Context, enc encoder.Encoder, images []*tensor.Dense, tm ThreatModel, opts ...Option) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		stopped := false
		_, err := u.do(ctx, enc, images, tm, opts, func(s Step) bool {
			stopped = !yield(s, nil)
			return !stopped
		})
		if err != nil && !stopped {
			yield(Step{}, err)
		}
	}
}

func (u *universal) do(ctx context.Context, enc encoder.Encoder, images []*tensor.Dense, tm ThreatModel, opts []Option, yield func(Step) bool) (*Result, error) {
	began := time.Now()
	r, err := (&imagewise{text: u.text, label: u.label, seed: u.seed}).start(enc, images, tm, opts)
	if err != nil {
		return nil, err
	}
	s, err := u.prepare(r)
	if err != nil {
		return nil, err
	}
	s.yield = yield
	err = s.loop(ctx)
	stopped := errors.Is(err, errStopped)
	if err != nil && !stopped && ctx.Err() == nil {
		return nil, err
	}
	r.result.Universal = newImage(append([]float32(nil), s.delta...), s.h, s.w)
	if err := s.apply(ctx, !stopped); err != nil {
		return nil, err
	}
	each := time.Since(began).Seconds() / float64(len(s.order))
	for _, i := range s.order {
		r.result.Outcomes[i].Cost.Seconds = each
	}
	return r.finish(ctx)
}

// apply makes the adversarial images, and scores them.
func (s *search) apply(ctx context.Context, score bool) error {
	adv, err := ApplyUniversal(s.run.result.Universal, pick(s.run.images, s.order), s.run.tm.at(s.order))
	if err != nil {
		return err
	}
	for k, i := range s.order {
		out := &s.run.result.Outcomes[i]
		s.run.result.Adv[i] = adv[k]
		if out.Status != Done {
			continue
		}
		if ctx.Err() != nil {
			out.Status, out.Err = Cancelled, ctx.Err()
			continue
		}
		if !score {
			continue
		}
		j := s.job(i)
		v, err := s.value(ctx, j, floats(adv[k]))
		out.Cost.add(j.out.Cost)
		if err != nil {
			if ctx.Err() != nil {
				out.Status, out.Err = Cancelled, ctx.Err()
				continue
			}
			return err
		}
		out.Value, out.Size = v, j.ball.Size(floats(adv[k]))
	}
	return nil
}

// at returns tm for a choice of images.
func (tm ThreatModel) at(order []int) ThreatModel {
	if len(tm.Masks) > 1 {
		tm.Masks = pick(tm.Masks, order)
	}
	return tm
}

func pick[T any](list []T, order []int) []T {
	out := make([]T, len(order))
	for k, i := range order {
		out[k] = list[i]
	}
	return out
}

func sortByKey(order []int, keys map[int]uint64) {
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case keys[a] < keys[b]:
			return -1
		case keys[a] > keys[b]:
			return 1
		}
		return 0
	})
}

// job returns a fresh job on image i.
func (s *search) job(i int) *job {
	x, h, w, _ := pixels(s.run.images[i])
	ball, _ := s.run.tm.Ball(i, s.run.images[i])
	return &job{index: i, clean: s.run.images[i], x0: x, h: h, w: w, tm: s.run.tm, ball: ball, enc: s.run.enc, sizes: s.run.sizes,
		task: &s.run.set.task, label: s.label, seed: s.seed, out: Outcome{Name: s.run.set.name(i)}}
}

func (s *search) value(ctx context.Context, j *job, x []float32) (float64, error) {
	p, err := newProblem(ctx, j, s.objective, lens{})
	if err != nil {
		return 0, err
	}
	return p.value(ctx, x)
}

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

// ApplyUniversal adds one perturbation (3×h×w, resized bilinearly where sizes differ) to images and
// projects them into tm.
func ApplyUniversal(delta *tensor.Dense, images []*tensor.Dense, tm ThreatModel) ([]*tensor.Dense, error) {
	if err := tm.Validate(len(images)); err != nil {
		return nil, err
	}
	shape := delta.Shape()
	if len(shape) != 3 || shape[0] != 3 || delta.Dtype() != tensor.Float32 {
		return nil, fmt.Errorf("attack: the perturbation is %v %v; want 3×h×w float32", delta.Dtype(), shape)
	}
	out := make([]*tensor.Dense, len(images))
	for i, img := range images {
		x, h, w, err := pixels(img)
		if err != nil {
			return nil, err
		}
		ball, err := tm.Ball(i, img)
		if err != nil {
			return nil, err
		}
		r := resampler{kernel: tent}
		r.set(shape[1], shape[2], h, w)
		y := make([]float32, len(x))
		r.forward(y, floats(delta))
		for k := range y {
			y[k] += x[k]
		}
		ball.Project(y)
		out[i] = newImage(y, h, w)
	}
	return out, nil
}
