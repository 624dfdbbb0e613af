package attack

import (
	"context"
	"fmt"

	"gorgonia.org/tensor"
)

// Starts gives further points to start from, such as what another attack found: a list for each image. The first run
// of Auto-PGD starts at the one with the largest objective, unless its random start has a larger one; restarts draw
// theirs, and other attacks have starts of their own. A point outside the threat model fails its image.
func Starts(points [][]*tensor.Dense) Option { return func(s *settings) { s.starts = points } }

// validateStarts checks that every image has its list.
func (s *settings) validateStarts(n int) error {
	if s.starts != nil && len(s.starts) != n {
		return fmt.Errorf("attack: starts of %d images for %d images", len(s.starts), n)
	}
	return nil
}

// startAt returns the start with the largest objective and that objective, or nil where none is larger than least.
func (j *job) startAt(ctx context.Context, p *problem, least float64) (best []float32, value float64, err error) {
	value = least
	for k, s := range j.starts {
		x, h, w, err := pixels(s)
		if err == nil && (h != j.h || w != j.w || !j.ball.Contains(x)) {
			err = fmt.Errorf("it is of %d×%d pixels or outside the threat model", w, h)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("attack: %s: start %d: %w", j.out.Name, k, err)
		}
		v, err := p.value(ctx, x)
		if err != nil {
			return nil, 0, err
		}
		if v > value {
			best, value = x, v
		}
	}
	return best, value, nil
}
