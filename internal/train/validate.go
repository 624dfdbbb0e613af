package train

import (
	"context"
	"fmt"
	"math"
)

// validate measures the weights that would be kept now, remembers the best, and decides whether to stop.
// It runs to its end even when ctx ends, so that a run that is taken up again decides the same.
func (s *state) validate(ctx context.Context) (float64, error) {
	if s.Config.Every == 0 || s.Step%s.Config.Every != 0 && s.Step != s.Config.last() {
		return math.NaN(), nil
	}
	s.exchange()
	v, err := s.Task.Validate(context.WithoutCancel(ctx))
	if err == nil && v < s.Best {
		s.Best, s.BestAt, s.Waiting = v, s.Step, 0
		for i, p := range s.trained {
			copy(s.best[i], p.Value)
		}
	} else {
		s.Waiting++
	}
	s.exchange()
	if err != nil {
		return v, fmt.Errorf("train: validation after step %d: %w", s.Step, err)
	}
	s.Stopped = s.Config.Patience > 0 && s.Waiting >= s.Config.Patience
	return v, nil
}

// exchange swaps the averages in, or out again.
func (s *state) exchange() {
	if s.average == nil {
		return
	}
	s.average.Swap()
	s.sync()
}

// finish leaves the weights to keep in the parameters.
func (s *state) finish() *Result {
	r := &Result{Steps: s.Step, Loss: s.losses.Loss, Validation: math.NaN(), BestAt: -1, Stopped: s.Stopped}
	switch {
	case s.best != nil && s.BestAt >= 0:
		r.Validation, r.BestAt = s.Best, s.BestAt
		for i, p := range s.trained {
			copy(p.Value, s.best[i])
		}
	case s.average != nil:
		s.average.Swap()
	}
	s.sync()
	return r
}
