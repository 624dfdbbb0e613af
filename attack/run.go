package attack

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// imagewise is an attack that treats every image on its own.
type imagewise struct {
	text  string // the full expression
	label string // the attack's name
	seed  uint64
	// check fails early on what concerns all images; may be nil.
	check func(encoder.Encoder, ThreatModel, *settings) error
	craft func(context.Context, *job) error
}

func (a *imagewise) String() string { return a.text }

func (a *imagewise) perImage() *imagewise { return a }

// Run implements Attack.
func (a *imagewise) Run(ctx context.Context, enc encoder.Encoder, images []*tensor.Dense, tm ThreatModel, opts ...Option) (*Result, error) {
	r, err := a.start(enc, images, tm, opts)
	if err != nil {
		return nil, err
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(r.set.workers, len(images)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := int(next.Add(1)) - 1; i < len(images); i = int(next.Add(1)) - 1 {
				r.attack(ctx, i, nil)
			}
		}()
	}
	wg.Wait()
	return r.finish(ctx)
}

// Steps implements Attack.
func (a *imagewise) Steps(ctx context.Context, enc encoder.Encoder, images []*tensor.Dense, tm ThreatModel, opts ...Option) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		r, err := a.start(enc, images, tm, opts)
		if err != nil {
			yield(Step{}, err)
			return
		}
		stopped := false
		for i := range images {
			r.attack(ctx, i, func(s Step) bool {
				stopped = !yield(s, nil)
				return !stopped
			})
			if stopped {
				return
			}
			if err := r.result.Outcomes[i].Err; err != nil && !yield(Step{Image: i}, err) {
				return
			}
		}
	}
}

// run is one call of Run or Steps.
type run struct {
	*imagewise
	enc    encoder.Encoder
	images []*tensor.Dense
	tm     ThreatModel
	set    settings
	sizes  *sizes
	result *Result
}

func (a *imagewise) start(enc encoder.Encoder, images []*tensor.Dense, tm ThreatModel, opts []Option) (*run, error) {
	if err := tm.Validate(len(images)); err != nil {
		return nil, err
	}
	set, err := newSettings(len(images), opts)
	if err != nil {
		return nil, err
	}
	r := &run{a, enc, images, tm, set, newSizes(enc), &Result{
		Attack: a.text, Threat: tm.String(),
		Adv: make([]*tensor.Dense, len(images)), Outcomes: make([]Outcome, len(images)),
	}}
	if a.check != nil {
		if err := a.check(enc, tm, &r.set); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// attack runs the attack on image i and records what happened.
func (r *run) attack(ctx context.Context, i int, yield func(Step) bool) {
	began := time.Now()
	out := &r.result.Outcomes[i]
	*out = Outcome{Name: r.set.name(i), Status: Failed}
	x, h, w, err := pixels(r.images[i])
	if err != nil {
		out.Err = fmt.Errorf("%s: %w", out.Name, err)
		out.Warnings = []string{out.Err.Error()}
		r.result.Adv[i] = r.images[i]
		return
	}
	j := &job{index: i, clean: r.images[i], x0: x, h: h, w: w, tm: r.tm, enc: r.enc, sizes: r.sizes, task: &r.set.task,
		label: r.label, seed: r.seed, restart: r.set.restart, yield: yield, out: Outcome{Name: out.Name, Status: Done}}
	if r.set.starts != nil {
		j.starts = r.set.starts[i]
	}
	if j.ball, err = r.tm.Ball(i, j.clean); err != nil {
		j.ball = frozen{}
	} else {
		err = r.guarded(ctx, j)
	}
	r.result.Adv[i] = j.finish(err)
	j.out.Cost.Seconds = time.Since(began).Seconds()
	*out = j.out
}

// guarded turns a panic of an encoder, objective or head into an error of this image.
func (r *run) guarded(ctx context.Context, j *job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("attack: %s: panic: %v", j.out.Name, p)
		}
	}()
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.craft(ctx, j)
}

// finish gathers costs and warnings. If every image failed, so did the run.
func (r *run) finish(ctx context.Context) (*Result, error) {
	failed := 0
	var first error
	for _, o := range r.result.Outcomes {
		r.result.Cost.add(o.Cost)
		for _, w := range o.Warnings {
			r.result.Warnings = append(r.result.Warnings, o.Name+": "+w)
		}
		if o.Status == Failed {
			failed++
			if first == nil {
				first = o.Err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return r.result, err
	}
	if failed > 0 && failed == len(r.images) {
		return r.result, first
	}
	return r.result, nil
}

// frozen is the ball of an image that has none: nothing may change.
type frozen struct{}

func (frozen) Project([]float32)            {}
func (frozen) Restrict([]float32)           {}
func (frozen) Contains([]float32) bool      { return false }
func (frozen) Size([]float32) float64       { return 0 }
func (frozen) Sample([]float32, *rand.Rand) {}
