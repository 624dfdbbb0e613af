package encoder

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// crew runs a function on every image of a trace. What its goroutines need is made once, so that a step of an attack
// allocates nothing.
type crew struct {
	members []func()
	errs    []error
	done    sync.WaitGroup
	next    atomic.Int32

	ctx   context.Context
	trace *trace
	task  func(context.Context, *trace, int) error
}

// run calls task for every image on up to GOMAXPROCS goroutines, the caller's among them, and returns the first error
// by index.
func (c *crew) run(ctx context.Context, t *trace, task func(context.Context, *trace, int) error) error {
	n := len(t.runs)
	helpers := min(n, runtime.GOMAXPROCS(0)) - 1
	if helpers < 1 {
		for b := range n {
			if err := task(ctx, t, b); err != nil {
				return err
			}
		}
		return nil
	}
	if len(c.errs) < n {
		c.errs = make([]error, n)
	}
	for len(c.members) < helpers {
		c.members = append(c.members, func() {
			defer c.done.Done()
			c.work()
		})
	}
	c.ctx, c.trace, c.task = ctx, t, task
	c.next.Store(0)
	c.done.Add(helpers)
	for _, member := range c.members[:helpers] {
		go member()
	}
	c.work()
	c.done.Wait()
	c.ctx, c.trace, c.task = nil, nil, nil
	for _, err := range c.errs[:n] {
		if err != nil {
			return err
		}
	}
	return nil
}

// work takes images until none is left.
func (c *crew) work() {
	for n := len(c.trace.runs); ; {
		b := int(c.next.Add(1)) - 1
		if b >= n {
			return
		}
		c.errs[b] = c.task(c.ctx, c.trace, b)
	}
}
