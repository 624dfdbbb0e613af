package encoder

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/filemap"
	"github.com/plumbline-ml/plumbline/internal/graph"
)

// program is the compiled form of the encoder for one set of taps, with or without a backward pass, and
// the idle memory of its executions.
type program struct {
	taps    []Tap
	layouts []layout // by tap
	engine  *engine.Program
	input   *graph.Value
	outs    []*graph.Value // activations, by tap
	cots    []*graph.Value // their cotangents; nil without backward pass
	grad    *graph.Value   // gradient at the input; nil without backward pass

	mu     sync.Mutex
	idle   []*engine.State
	closed []*trace
}

// programFor compiles on first use.
func (m *Model) programFor(taps []Tap, backward bool) (*program, error) {
	if m.at != nil {
		return m.at.programFor(taps, backward)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.programs {
		if (p.grad != nil) == backward && slices.Equal(p.taps, taps) {
			return p, nil
		}
	}
	if len(taps) == 0 {
		return nil, fmt.Errorf("encoder: %s: no taps were asked for", m.spec.Name)
	}
	p, err := m.compile(slices.Clone(taps), backward)
	if err != nil {
		return nil, err
	}
	m.programs = append(m.programs, p)
	return p, nil
}

func (m *Model) compile(taps []Tap, backward bool) (p *program, err error) {
	defer filemap.Guard(&err)()
	p = &program{taps: taps}
	if m.source != nil {
		if err := m.source.CheckFile(); err != nil {
			return nil, fmt.Errorf("encoder: %w", err)
		}
	}
	var want []*graph.Value
	for _, t := range taps {
		v, err := m.resolve(t)
		if err != nil {
			return nil, err
		}
		if v.DType != graph.Float32 && backward {
			return nil, fmt.Errorf("encoder: %s: tap %q holds integers, which have no gradient", m.spec.Name, t)
		}
		want = append(want, v)
		p.layouts = append(p.layouts, m.layoutOf(t, v))
	}
	g, copies := m.base.Clone(want)
	p.input = g.Inputs[0]
	if err := fuse(g, !m.options.trace); err != nil {
		return nil, fmt.Errorf("encoder: %s: %w", m.spec.Name, err)
	}
	p.outs = slices.Clone(g.Outputs)
	forward := len(g.Nodes)
	if backward {
		if err := p.differentiate(g, m.checkpoints(copies)); err != nil {
			return nil, fmt.Errorf("encoder: %s: taps %s: %w", m.spec.Name, joinTaps(taps), err)
		}
	}
	p.engine, err = engine.Compile(g, forward, p.cots, m.weights)
	if err != nil {
		return nil, fmt.Errorf("encoder: %s: %w", m.spec.Name, err)
	}
	return p, nil
}

// checkpoints are the values between blocks, where activations are recomputed.
func (m *Model) checkpoints(copies map[*graph.Value]*graph.Value) []*graph.Value {
	if !m.options.recompute {
		return nil
	}
	var list []*graph.Value
	for _, t := range m.spec.Layers() {
		if v := copies[m.found[t]]; v != nil {
			list = append(list, v)
		}
	}
	return list
}

func joinTaps(taps []Tap) string {
	var s []string
	for _, t := range taps {
		s = append(s, string(t))
	}
	return strings.Join(s, ", ")
}

// fuse turns what exporters spelt out into few operators; fold says that the weights are not trained.
func fuse(g *graph.Graph, fold bool) error {
	if err := g.FuseBlocks(); err != nil {
		return err
	}
	if fold {
		if err := g.FoldScales(); err != nil {
			return err
		}
	}
	if err := g.SinkRows(); err != nil {
		return err
	}
	return g.FuseEpilogues()
}

// differentiate adds the backward pass.
func (p *program) differentiate(g *graph.Graph, checkpoints []*graph.Value) error {
	for _, v := range p.outs {
		p.cots = append(p.cots, g.Input("", graph.Float32, v.Shape...))
	}
	grads, err := g.Backprop(p.outs, p.cots, g.Inputs[:1], checkpoints)
	if err != nil {
		return err
	}
	g.Outputs = append(slices.Clone(p.outs), grads[0])
	if err := g.FuseBackward(); err != nil {
		return err
	}
	p.grad = g.Outputs[len(g.Outputs)-1]
	return nil
}

// state takes idle memory or makes new.
func (p *program) state() (*engine.State, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		s := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return s, nil
	}
	return p.engine.NewState(runtime.GOMAXPROCS(0))
}

// release takes back the memory of an execution.
func (p *program) release(s *engine.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, s)
}

// take gives a closed trace over n images. Closed traces over other numbers are taken apart, so that
// their memory serves again.
func (p *program) take(n int) *trace {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, t := range p.closed {
		if len(t.runs) == n {
			p.closed = slices.Delete(p.closed, i, i+1)
			return t
		}
	}
	for _, t := range p.closed {
		for _, r := range t.runs {
			p.idle = append(p.idle, r.state)
		}
	}
	p.closed = p.closed[:0]
	return nil
}

// give keeps a closed trace for the next of its kind.
func (p *program) give(t *trace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = append(p.closed, t)
}

// idleStates counts the executions kept for later.
func (p *program) idleStates() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	for _, t := range p.closed {
		n += len(t.runs)
	}
	return n
}

// drop lets the memory kept for later go.
func (p *program) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle, p.closed = nil, nil
}
