package attack

import (
	"context"
	"math"
)

// progressShare is the share of a restart's whole gain so far that a step must add to count as progress.
const progressShare = 1e-3

// descent is the state of one restart.
type descent struct {
	Gradient
	job   *job
	p     *problem
	r     int
	x, g  []float32
	step  Stepper
	alpha float64
	more  func(x, g []float32) error
	first float64 // value at the start
	best  float64 // best value of this restart
	since int     // steps without progress
	zeros int     // steps with a gradient of exactly zero
}

// iterate evaluates the point, keeps it if it is the best, and steps on.
func (d *descent) iterate(ctx context.Context, k int) (stop bool, err error) {
	alpha := d.alpha * d.Schedule.Factor(k, d.Iters)
	at := d.step.Point(d.x, alpha)
	value, err := d.p.grad(ctx, at, d.g)
	if err != nil {
		return false, err
	}
	if err := d.job.checkFinite(value, d.g, k); err != nil {
		return false, err
	}
	if d.Select == "best" {
		if d.p.random() || &at[0] != &d.x[0] {
			if value, err = d.p.value(ctx, d.x); err != nil {
				return false, err
			}
		}
		if err := d.job.offer(d.x, value, d.p.fooled()); err != nil {
			return false, err
		}
	}
	if err := d.job.emit(d.r, k, value, d.x); err != nil {
		return false, err
	}
	d.checkZero(k)
	if d.StopEarly && d.job.out.Fooled {
		d.job.out.Status = Succeeded
		return true, nil
	}
	if d.plateau(value) {
		d.job.out.Status = Converged
		return true, nil
	}
	if err := d.step.Step(d.x, d.g, alpha, d.more); err != nil {
		return false, err
	}
	d.job.ball.Project(d.x)
	return false, nil
}

// plateau reports whether there was no progress for Patience steps.
func (d *descent) plateau(value float64) bool {
	if math.IsInf(d.best, -1) {
		d.first, d.best = value, value
		return false
	}
	if value > d.best+progressShare*(d.best-d.first) {
		d.best, d.since = value, 0
		return false
	}
	d.since++
	return d.Patience > 0 && d.since >= d.Patience
}

// checkZero warns of a gradient that is exactly zero.
func (d *descent) checkZero(k int) {
	for _, v := range d.g {
		if v != 0 {
			return
		}
	}
	if d.zeros++; d.zeros == 1 {
		d.job.warn("the gradient is exactly zero at step %d", k)
	}
}

// last scores the point after the last step.
func (d *descent) last(ctx context.Context) error {
	value, err := d.p.value(ctx, d.x)
	if err != nil {
		return err
	}
	if err := d.job.checkFinite(value, nil, d.Iters); err != nil {
		return err
	}
	return d.job.offer(d.x, value, d.p.fooled())
}
