package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"time"
)

// Task is what is trained.
type Task interface {
	// Len is the number of training samples.
	Len() int
	// Batch adds the gradient of the sum of the losses of samples to the parameters' gradients.
	Batch(ctx context.Context, step int, samples []int) (Metrics, error)
	// Sync is called after the parameters' values changed.
	Sync()
	// Validate is the mean loss on held-out samples.
	Validate(ctx context.Context) (float64, error)
}

// Metrics are sums over the samples of a batch.
type Metrics struct {
	Loss  float64 // what is minimised
	Clean float64 // the same at unattacked images, where the loss is taken at attacked ones
}

// Run is a training run.
type Run struct {
	Config     Config
	Task       Task
	Identity   string   // of data, model and method: a checkpoint of another identity is refused
	Params     []*Param // what is trained directly
	Adapters   []*LoRA  // what is trained through adapters
	Checkpoint string   // file to write to and resume from; "" for none
	Save       int      // steps between checkpoints; 0 for one at the end or on interruption only
	Progress   func(Progress)
}

// Progress is reported after every step.
type Progress struct {
	Step, Steps int     // steps taken, and of how many
	Loss, Clean float64 // means over the step
	Norm        float64 // of the gradient before clipping
	LR          float64
	Validation  float64       // NaN where there was none at this step
	PerSecond   float64       // samples
	Left        time.Duration // estimate
}

// Result is how a run ended.
type Result struct {
	Steps      int     // steps taken in all
	Loss       float64 // of the last step
	Validation float64 // lowest; NaN without validation
	BestAt     int     // step of the lowest validation loss whose weights were kept; -1 without validation
	Stopped    bool    // ended early for lack of progress
}

// state is a run under way.
type state struct {
	*Run
	opt     Optimizer
	average *Average
	order   Order
	best    [][]float32
	progress
	trained []*Param
	all     []*Param
	lr      Schedule
	began   time.Time
	first   int
	losses  Metrics
}

// Train takes all steps, or resumes where the checkpoint ends. When ctx ends it writes a checkpoint and
// returns the context's error. At the end the parameters hold the weights to keep: the average if one is
// kept, and with validation those of the lowest validation loss.
func (r *Run) Train(ctx context.Context) (*Result, error) {
	s, err := r.start()
	if err != nil {
		return nil, err
	}
	for s.Step < s.Config.last() && !s.Stopped {
		err := s.step(ctx)
		if err == nil && s.Save > 0 && s.Step%s.Save == 0 {
			err = s.write()
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, errors.Join(ctx.Err(), s.write())
			}
			return nil, err
		}
	}
	if err := s.write(); err != nil {
		return nil, err
	}
	return s.finish(), nil
}

func (r *Run) start() (*state, error) {
	if err := r.Config.Validate(); err != nil {
		return nil, err
	}
	if r.Task.Len() == 0 {
		return nil, errors.New("train: there are no samples")
	}
	c := r.Config
	s := &state{Run: r, order: Order{Seed: c.Seed, N: r.Task.Len()}, began: time.Now()}
	s.progress = progress{Of: c.String() + " " + r.Identity, Best: math.MaxFloat64, BestAt: -1}
	s.trained = append([]*Param(nil), r.Params...)
	s.all = s.trained
	for _, a := range r.Adapters {
		s.trained = append(s.trained, a.A, a.B)
		s.all = append(s.all, a.W)
	}
	if len(s.trained) == 0 {
		return nil, errors.New("train: no parameter is to be trained")
	}
	var err error
	if s.opt, err = NewOptimizer(c.optimizer(), s.trained, c.Decay); err != nil {
		return nil, err
	}
	if c.EMA > 0 {
		s.average = NewAverage(s.trained, c.EMA)
	}
	if c.Every > 0 {
		s.best = like(s.trained)
	}
	s.lr = Schedule{Peak: c.LR, Warmup: c.Warmup, Total: c.Steps, Floor: c.Floor}
	if err := s.resume(); err != nil {
		return nil, err
	}
	s.first = s.Step
	s.sync()
	return s, nil
}

// arrays is everything that has to survive an interruption.
func (s *state) arrays() [][]float32 {
	var out [][]float32
	for _, p := range s.trained {
		out = append(out, p.Value)
	}
	out = append(out, s.opt.State()...)
	if s.average != nil {
		out = append(out, s.average.values...)
	}
	return append(out, s.best...)
}

func (s *state) resume() error {
	if s.Checkpoint == "" {
		return nil
	}
	p, err := readCheckpoint(s.Checkpoint, s.Of, s.arrays())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		s.progress = p
		s.Sizes = nil
	}
	return err
}

func (s *state) write() error {
	if s.Checkpoint == "" {
		return nil
	}
	if err := writeCheckpoint(s.Checkpoint, s.progress, s.arrays()); err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	return nil
}

func (s *state) sync() {
	for _, a := range s.Adapters {
		a.Push()
	}
	s.Task.Sync()
}

// step computes the gradient and moves the weights.
func (s *state) step(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ZeroGrad(s.all)
	n := max(s.Config.Accumulate, 1)
	s.losses = Metrics{}
	for a := range n {
		m, err := s.Task.Batch(ctx, s.Step, s.order.Batch(s.Step*n+a, s.Config.Batch))
		if err != nil {
			return err
		}
		s.losses.Loss += m.Loss
		s.losses.Clean += m.Clean
	}
	share := 1 / float64(n*s.Config.Batch)
	s.losses.Loss *= share
	s.losses.Clean *= share
	ScaleGrad(s.all, share)
	for _, a := range s.Adapters {
		a.Pull()
	}
	norm := ClipGrad(s.trained, s.Config.Clip)
	if math.IsNaN(norm) || math.IsInf(norm, 0) || math.IsNaN(s.losses.Loss) {
		return fmt.Errorf("train: step %d: loss %v, gradient of norm %v: lower the learning rate or clip gradients", s.Step, s.losses.Loss, norm)
	}
	lr := s.lr.At(s.Step)
	s.opt.Step(s.Step, lr)
	s.sync()
	if s.average != nil {
		s.average.Update(s.Step)
	}
	s.Step++
	validation, err := s.validate(ctx)
	if err != nil {
		return err
	}
	s.report(norm, lr, validation)
	return nil
}

func (s *state) report(norm, lr, validation float64) {
	if s.Progress == nil {
		return
	}
	done := float64(s.Step - s.first)
	each := time.Since(s.began).Seconds() / done
	s.Progress(Progress{
		Step: s.Step, Steps: s.Config.last(), Loss: s.losses.Loss, Clean: s.losses.Clean, Norm: norm, LR: lr, Validation: validation,
		PerSecond: float64(s.Config.Batch*max(s.Config.Accumulate, 1)) / each,
		Left:      time.Duration(each * float64(s.Config.last()-s.Step) * float64(time.Second)),
	})
}
