package train

import (
	"encoding/json"
	"fmt"
	"math"
)

// Config says how a run is trained. Everything in it decides the weights that come out.
type Config struct {
	Steps      int     `json:"steps"`                // optimiser steps
	Stop       int     `json:"stop,omitempty"`       // steps after which to end, though the rate falls as for Steps; 0 is Steps
	Batch      int     `json:"batch"`                // samples of one forward and backward pass
	Accumulate int     `json:"accumulate,omitempty"` // batches whose gradients are averaged for a step; 0 is 1
	Optimizer  string  `json:"optimizer,omitempty"`  // "adamw" (default) or "sgd"
	LR         float64 `json:"lr"`                   // peak learning rate
	Warmup     int     `json:"warmup,omitempty"`     // steps of linear rise before the cosine
	Floor      float64 `json:"floor,omitempty"`      // share of the peak rate at the end
	Decay      float64 `json:"decay,omitempty"`      // weight decay of matrices
	Clip       float64 `json:"clip,omitempty"`       // largest norm of the gradient; 0 for no limit
	EMA        float64 `json:"ema,omitempty"`        // decay of the average of weights that is kept; 0 for none
	Every      int     `json:"every,omitempty"`      // steps between validations; 0 for none
	Patience   int     `json:"patience,omitempty"`   // validations without progress before stopping; 0 for never
	Seed       uint64  `json:"seed"`
}

// Validate reports the first field that is out of range.
func (c Config) Validate() error {
	for _, f := range []struct {
		name   string
		v      float64
		lo, hi float64
	}{
		{"steps", float64(c.Steps), 1, 1 << 31}, {"stop", float64(c.Stop), 0, float64(c.Steps)}, {"batch", float64(c.Batch), 1, 1 << 20}, {"accumulate", float64(c.Accumulate), 0, 1 << 20},
		{"lr", c.LR, 0, 1e3}, {"warmup", float64(c.Warmup), 0, 1 << 31}, {"floor", c.Floor, 0, 1}, {"decay", c.Decay, 0, 1e3},
		{"clip", c.Clip, 0, math.MaxFloat64}, {"ema", c.EMA, 0, 1}, {"every", float64(c.Every), 0, 1 << 31}, {"patience", float64(c.Patience), 0, 1 << 31},
	} {
		if !(f.v >= f.lo && f.v <= f.hi) {
			return fmt.Errorf("train: %s is %v; it must lie in %g to %g", f.name, f.v, f.lo, f.hi)
		}
	}
	if c.Patience > 0 && c.Every == 0 {
		return fmt.Errorf("train: patience of %d validations, but there are none: set every", c.Patience)
	}
	_, err := NewOptimizer(c.optimizer(), nil, 0)
	return err
}

// last is the number of steps that are taken.
func (c Config) last() int {
	if c.Stop > 0 {
		return c.Stop
	}
	return c.Steps
}

func (c Config) optimizer() string {
	if c.Optimizer == "" {
		return "adamw"
	}
	return c.Optimizer
}

func (c Config) String() string {
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Sprintf("invalid configuration: %v", err)
	}
	return string(b)
}
