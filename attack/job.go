package attack

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/internal/kernel"
	"gorgonia.org/tensor"
)

// job is one attack on one image: the clean image, the threat model there, the best point so far.
type job struct {
	index   int
	clean   *tensor.Dense
	x0      []float32
	h, w    int
	tm      ThreatModel
	ball    Ball
	enc     encoder.Encoder
	sizes   *sizes
	task    *Task
	label   string // the attack's name, which keys the random stream
	seed    uint64
	restart int
	starts  []*tensor.Dense // further points to start from

	out   Outcome
	best  []float32 // nil before the first offer
	shown *tensor.Dense
	yield func(Step) bool
}

// errStopped ends an attack whose Steps are no longer read.
var errStopped = errors.New("attack: stopped by the caller")

// NonFiniteError reports a NaN or an infinity met while attacking one image.
type NonFiniteError struct {
	Image string
	What  string // "objective" or "gradient"
	Iter  int
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("attack: %s: the %s is not finite at step %d", e.Image, e.What, e.Iter)
}

// rng returns the random stream of the n-th restart inside the attack.
func (j *job) rng(n int) *rand.Rand {
	return stream(j.seed, j.x0, j.h, j.w, j.label, j.restart<<16|n)
}

// offer keeps x if it is better than the best so far: one that fools the head before one that does not,
// then by value. A point outside the threat model is refused: that is a mistake of the attack, not a
// result.
func (j *job) offer(x []float32, value float64, fooled bool) error {
	if j.best != nil && (j.out.Fooled && !fooled || j.out.Fooled == fooled && !(value > j.out.Value)) {
		return nil
	}
	if !j.ball.Contains(x) {
		return fmt.Errorf("attack: %s: %s left the threat model %s (size %g): this is a bug in the attack", j.out.Name, j.label, j.tm, j.ball.Size(x))
	}
	if j.best == nil {
		j.best = make([]float32, len(x))
	}
	copy(j.best, x)
	j.out.Value, j.out.Fooled = value, fooled
	return nil
}

// emit counts an iteration and hands it to the reader of Steps.
func (j *job) emit(restart, iter int, value float64, x []float32) error {
	if j.out.Iters == 0 {
		j.out.Start = value
	}
	j.out.Iters++
	if j.yield == nil {
		return nil
	}
	if j.shown == nil {
		j.shown = newImage(make([]float32, len(x)), j.h, j.w)
	}
	copy(floats(j.shown), x)
	best := value
	if j.best != nil {
		best = max(best, j.out.Value)
	}
	if !j.yield(Step{j.index, restart, iter, value, best, j.shown}) {
		return errStopped
	}
	return nil
}

// checkFinite reports a value or gradient that is no number.
func (j *job) checkFinite(value float64, g []float32, iter int) error {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return &NonFiniteError{j.out.Name, "objective", iter}
	}
	if g != nil && !kernel.Finite(g) {
		return &NonFiniteError{j.out.Name, "gradient", iter}
	}
	return nil
}

// visit checks, offers and emits a point whose value and verdict are known.
func (j *job) visit(x []float32, value float64, fooled bool, restart, iter int) error {
	if err := j.checkFinite(value, nil, iter); err != nil {
		return err
	}
	if err := j.offer(x, value, fooled); err != nil {
		return err
	}
	return j.emit(restart, iter, value, x)
}

func (j *job) warn(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	for _, w := range j.out.Warnings {
		if w == text {
			return
		}
	}
	j.out.Warnings = append(j.out.Warnings, text)
}

// finish turns the error that ended the attack into a status and returns the image to hand out.
func (j *job) finish(err error) *tensor.Dense {
	var nonFinite *NonFiniteError
	switch {
	case err == nil || errors.Is(err, errStopped):
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		j.out.Status, j.out.Err = Cancelled, err
	case errors.As(err, &nonFinite):
		j.out.Status, j.out.Err = NonFinite, err
		j.warn("%v", err)
	default:
		j.out.Status, j.out.Err = Failed, err
		j.warn("%v", err)
	}
	adv := append([]float32(nil), j.x0...)
	if j.best != nil {
		copy(adv, j.best)
	}
	j.out.Size = j.ball.Size(adv)
	return newImage(adv, j.h, j.w)
}
