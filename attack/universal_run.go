package attack

import (
	"context"
	"errors"
	"iter"
	"slices"
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
