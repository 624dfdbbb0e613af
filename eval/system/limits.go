package system

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/time/rate"
	"gopkg.in/yaml.v3"
)

// Limits bound how a black box is asked. The zero value asks once at a time without limits; see [DefaultLimits].
type Limits struct {
	Timeout  time.Duration `yaml:"timeout"`   // of one attempt; 0 for none
	Retries  int           `yaml:"retries"`   // further attempts after a failure that may pass
	Backoff  time.Duration `yaml:"backoff"`   // before the first retry, doubled before each further one
	Rate     float64       `yaml:"rate"`      // attempts a second at most; 0 for any number
	Parallel int           `yaml:"parallel"`  // attempts at once; at least 1
	MaxBytes int64         `yaml:"max_bytes"` // of an answer
}

// DefaultLimits are 30 s for an attempt, two retries after 0.5 s and 1 s, one attempt at a time at any rate, and
// answers of at most 16 MiB.
func DefaultLimits() Limits {
	return Limits{Timeout: 30 * time.Second, Retries: 2, Backoff: 500 * time.Millisecond, Parallel: 1, MaxBytes: 16 << 20}
}

// UnmarshalYAML keeps the defaults of what is not given and refuses fields that there are not.
func (l *Limits) UnmarshalYAML(node *yaml.Node) error {
	type plain Limits
	for i := 0; node.Kind == yaml.MappingNode && i < len(node.Content); i += 2 {
		if k := node.Content[i]; !slices.Contains([]string{"timeout", "retries", "backoff", "rate", "parallel", "max_bytes"}, k.Value) {
			return fmt.Errorf("line %d: field %s not found in limits", k.Line, k.Value)
		}
	}
	p := plain(DefaultLimits())
	if err := node.Decode(&p); err != nil {
		return err
	}
	*l = Limits(p)
	return nil
}

// Validate reports the first limit that makes no sense.
func (l Limits) Validate() error {
	switch {
	case l.Timeout < 0 || l.Backoff < 0:
		return fmt.Errorf("timeout %v and backoff %v must not be negative", l.Timeout, l.Backoff)
	case l.Retries < 0 || l.Retries > 100:
		return fmt.Errorf("%d retries: want 0 to 100", l.Retries)
	case !(l.Rate >= 0 && l.Rate <= 1e6):
		return fmt.Errorf("rate %v: want attempts a second, 0 for no limit", l.Rate)
	case l.Parallel < 1 || l.Parallel > 1024:
		return fmt.Errorf("parallel %d: want 1 to 1024", l.Parallel)
	case l.MaxBytes < 1 || l.MaxBytes > 1<<30:
		return fmt.Errorf("max_bytes %d: want 1 to 2³⁰", l.MaxBytes)
	}
	return nil
}

// mostWait bounds the time that a server may ask to wait.
const mostWait = time.Minute

// passing is a failure that may be over at the next attempt, not before after.
type passing struct {
	error
	after time.Duration
}

func (e passing) Unwrap() error { return e.error }

// caller asks within the limits.
type caller struct {
	limits Limits
	pace   *rate.Limiter
	slots  chan struct{}
}

func newCaller(l Limits) (*caller, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	pace := rate.NewLimiter(rate.Inf, 1)
	if l.Rate > 0 {
		pace = rate.NewLimiter(rate.Limit(l.Rate), 1)
	}
	return &caller{limits: l, pace: pace, slots: make(chan struct{}, l.Parallel)}, nil
}

// call carries out attempts until one succeeds, fails for good, or none is left.
func (c *caller) call(ctx context.Context, attempt func(context.Context) ([]byte, error)) ([]byte, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	wait := c.limits.Backoff
	for n := 1; ; n++ {
		out, err := c.once(ctx, attempt)
		var p passing
		switch {
		case err == nil:
			return out, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case !errors.As(err, &p):
			return nil, err
		case n > c.limits.Retries:
			return nil, fmt.Errorf("%w (after %d attempts)", err, n)
		}
		if err := sleep(ctx, min(max(wait, p.after), mostWait)); err != nil {
			return nil, err
		}
		wait *= 2
	}
}

// once waits for the rate and makes one attempt within the timeout.
func (c *caller) once(ctx context.Context, attempt func(context.Context) ([]byte, error)) ([]byte, error) {
	if err := c.pace.Wait(ctx); err != nil {
		return nil, err
	}
	if c.limits.Timeout == 0 {
		return attempt(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, c.limits.Timeout)
	defer cancel()
	out, err := attempt(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil, passing{error: fmt.Errorf("no answer within %v", c.limits.Timeout)}
	}
	return out, err
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
