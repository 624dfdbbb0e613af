package encoder

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/internal/engine"
)

// LossFunc is the loss of one image: it reads the activations at the taps (batch axis of length 1) and
// writes the loss's gradient at each, every element. It is called for several images at once; act and
// cot are valid during the call only.
type LossFunc func(i int, act, cot []*tensor.Dense) (float64, error)

// Accumulate runs a forward and a backward pass for every image and adds the gradient of the sum of the
// losses to the parameters' gradients, image by image in the order given, so that the result does not
// depend on the number of processors. Memory is bounded by the number of processors. It returns the
// loss of every image.
func (t *Trainable) Accumulate(ctx context.Context, images []*tensor.Dense, taps []Tap, loss LossFunc) ([]float64, error) {
	plans := make([]*Plan, len(images))
	for i, img := range images {
		r := run{}
		if err := t.prepare(&r, img); err != nil {
			return nil, fmt.Errorf("encoder: image %d: %w", i, err)
		}
		plans[i] = r.plan
	}
	return t.accumulate(ctx, len(images), taps, loss, func(i int, dst []float32) {
		plans[i].Apply(dst, images[i].Float32s(), make([]float32, plans[i].Scratch()))
	})
}

// AccumulateRaw is [Trainable.Accumulate] on network inputs as the file takes them.
func (t *Trainable) AccumulateRaw(ctx context.Context, inputs [][]float32, taps []Tap, loss LossFunc) ([]float64, error) {
	if err := t.checkRaw(inputs); err != nil {
		return nil, err
	}
	return t.accumulate(ctx, len(inputs), taps, loss, func(i int, dst []float32) { copy(dst, inputs[i]) })
}

// ForwardRaw returns the activations at one tap for network inputs, one slice each.
func (t *Trainable) ForwardRaw(ctx context.Context, inputs [][]float32, tap Tap) ([][]float32, error) {
	if err := t.checkRaw(inputs); err != nil {
		return nil, err
	}
	p, err := t.programFor([]Tap{tap}, false)
	if err != nil {
		return nil, err
	}
	out := make([][]float32, len(inputs))
	err = parallel(len(inputs), func(i int) error {
		s, err := p.state()
		if err != nil {
			return err
		}
		defer p.release(s)
		copy(s.Values(p.input), inputs[i])
		if err := s.Forward(ctx); err != nil {
			return err
		}
		out[i] = append([]float32(nil), s.Values(p.outs[0])...)
		return nil
	})
	return out, err
}

func (t *Trainable) checkRaw(inputs [][]float32) error {
	want := 1
	for _, d := range t.base.Inputs[0].Shape {
		want *= d
	}
	for i, x := range inputs {
		if len(x) != want {
			return fmt.Errorf("encoder: %s: input %d has %d numbers, the network takes %d", t.spec.Name, i, len(x), want)
		}
	}
	return nil
}

// accumulation is one call of Accumulate.
type accumulation struct {
	*Trainable
	prog   *trainProgram
	loss   LossFunc
	feed   func(i int, dst []float32)
	losses []float64
	errs   []error
	next   atomic.Int64
	turn   turns
}

func (t *Trainable) accumulate(ctx context.Context, n int, taps []Tap, loss LossFunc, feed func(int, []float32)) ([]float64, error) {
	p, err := t.trainProgramFor(taps)
	if err != nil {
		return nil, err
	}
	a := &accumulation{Trainable: t, prog: p, loss: loss, feed: feed, losses: make([]float64, n), errs: make([]error, n), turn: newTurns()}
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			a.work(ctx)
		}()
	}
	wg.Wait()
	for i, err := range a.errs {
		if err != nil {
			return nil, fmt.Errorf("encoder: image %d: %w", i, err)
		}
	}
	return a.losses, nil
}

// work takes images in increasing order, so that the one whose turn it is always has a worker.
func (a *accumulation) work(ctx context.Context) {
	s, err := a.prog.take()
	if err == nil {
		defer a.prog.give(s)
	}
	for i := int(a.next.Add(1)) - 1; i < len(a.losses); i = int(a.next.Add(1)) - 1 {
		a.errs[i] = err
		if err == nil {
			a.errs[i] = a.one(ctx, s, i)
		}
		a.turn.wait(i)
		if a.errs[i] == nil {
			a.addGrads(a.prog, s)
		}
		a.turn.done()
	}
}

// one runs both passes for an image.
func (a *accumulation) one(ctx context.Context, s *engine.State, i int) error {
	a.feed(i, s.Values(a.prog.input))
	if err := s.Forward(ctx); err != nil {
		return err
	}
	runs := []run{{state: s}}
	var act, cot []*tensor.Dense
	for k, l := range a.prog.layouts {
		act = append(act, l.tensor(1, runs, a.prog.outs[k]))
		cot = append(cot, l.tensor(1, runs, a.prog.cots[k]))
	}
	var err error
	if a.losses[i], err = a.loss(i, act, cot); err != nil {
		return err
	}
	return s.Backward(ctx)
}

// turns lets goroutines act one after the other in a given order.
type turns struct {
	mu   *sync.Mutex
	cond *sync.Cond
	now  int
}

func newTurns() turns {
	mu := new(sync.Mutex)
	return turns{mu: mu, cond: sync.NewCond(mu)}
}

// wait returns when it is i's turn.
func (t *turns) wait(i int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.now != i {
		t.cond.Wait()
	}
}

// done passes the turn on.
func (t *turns) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now++
	t.cond.Broadcast()
}
