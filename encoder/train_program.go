package encoder

import (
	"fmt"
	"slices"
	"sync"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// trainProgram is the compiled forward pass to some taps and the backward pass to the weights.
type trainProgram struct {
	taps    []Tap
	layouts []layout
	engine  *engine.Program
	input   *graph.Value
	outs    []*graph.Value
	cots    []*graph.Value
	grads   []slotGrad

	mu   sync.Mutex
	idle []*engine.State
}

// slotGrad is the gradient at a slot.
type slotGrad struct {
	slot  *slot
	value *graph.Value
}

// trainProgramFor compiles on first use.
func (t *Trainable) trainProgramFor(taps []Tap) (*trainProgram, error) {
	for _, p := range t.programs {
		if slices.Equal(p.taps, taps) {
			return p, nil
		}
	}
	p, err := t.compileTraining(slices.Clone(taps))
	if err != nil {
		return nil, fmt.Errorf("encoder: %s: training from taps %s: %w", t.spec.Name, joinTaps(taps), err)
	}
	t.programs = append(t.programs, p)
	return p, nil
}

func (t *Trainable) compileTraining(taps []Tap) (*trainProgram, error) {
	p := &trainProgram{taps: taps}
	var want []*graph.Value
	for _, tap := range taps {
		v, err := t.resolve(tap)
		if err != nil {
			return nil, err
		}
		want = append(want, v)
		p.layouts = append(p.layouts, t.layoutOf(tap, v))
	}
	g, copies := t.base.Clone(want)
	p.input = g.Inputs[0]
	if err := fuse(g, false); err != nil {
		return nil, err
	}
	p.outs = slices.Clone(g.Outputs)
	forward := len(g.Nodes)
	wrt, slots := t.trainedIn(g)
	if len(wrt) == 0 {
		return nil, fmt.Errorf("no weight that is to be trained lies before these taps")
	}
	if err := p.differentiate(g, wrt, slots, t.checkpoints(copies)); err != nil {
		return nil, err
	}
	var err error
	p.engine, err = engine.Compile(g, forward, p.cots, t.weights)
	return p, err
}

// trainedIn lists the values of g that hold weights to train, and marks them.
func (t *Trainable) trainedIn(g *graph.Graph) (wrt []*graph.Value, slots []*slot) {
	for _, n := range g.Nodes {
		for _, v := range n.In {
			if !isWeight(v) || v.Param {
				continue
			}
			if s := t.slots[&v.Const.F[0]]; s != nil && t.wanted(s) {
				v.Param = true
				wrt, slots = append(wrt, v), append(slots, s)
			}
		}
	}
	return wrt, slots
}

// wanted tells whether any parameter of a slot is to be trained.
func (t *Trainable) wanted(s *slot) bool {
	return slices.ContainsFunc(s.pieces, func(p piece) bool { return !t.frozen[p.param] })
}

// differentiate adds the backward pass, which recomputes activations from checkpoints if there are any.
func (p *trainProgram) differentiate(g *graph.Graph, wrt []*graph.Value, slots []*slot, checkpoints []*graph.Value) error {
	for _, v := range p.outs {
		p.cots = append(p.cots, g.Input("", graph.Float32, v.Shape...))
	}
	grads, err := g.Backprop(p.outs, p.cots, wrt, checkpoints)
	if err != nil {
		return err
	}
	k := len(p.outs)
	g.Outputs = append(slices.Clone(p.outs), grads...)
	if err := g.FuseBackward(); err != nil {
		return err
	}
	for i, s := range slots {
		p.grads = append(p.grads, slotGrad{s, g.Outputs[k+i]})
	}
	return nil
}

// take gives idle memory or makes new.
func (p *trainProgram) take() (*engine.State, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		s := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return s, nil
	}
	return p.engine.NewState(1) // images run side by side
}

func (p *trainProgram) give(s *engine.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, s)
}

// addGrads adds what one execution left to the parameters' gradients.
func (t *Trainable) addGrads(p *trainProgram, s *engine.State) {
	for _, g := range p.grads {
		d := s.Values(g.value)
		for _, c := range g.slot.pieces {
			if t.frozen[c.param] {
				continue
			}
			if c.from == nil {
				kernel.AddTo(c.param.Grad, d)
				continue
			}
			for i, to := range c.to {
				c.param.Grad[c.from[i]] += d[to]
			}
		}
	}
}
