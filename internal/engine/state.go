package engine

import (
	"context"

	"github.com/plumbline-ml/plumbline/internal/filemap"
	"github.com/plumbline-ml/plumbline/internal/graph"
)

// State is the working memory of one execution of a program. It is not safe for concurrent use.
type State struct {
	program *Program
	arena   []float32
	tensors map[*graph.Value]*graph.Tensor
	steps   []func() // nil where a node moves nothing
	gang    *gang
}

// NewState allocates memory for p and binds its operators to it. Up to workers goroutines share the
// loops inside operators, where processors are free.
func (p *Program) NewState(workers int) (s *State, err error) {
	what := "binding"
	defer filemap.Guard(&err)()
	defer graph.Catch(&what, &err)
	s = &State{program: p, arena: graph.AlignedFloats(p.arena), tensors: map[*graph.Value]*graph.Tensor{}, gang: newGang(max(workers, 1))}
	b := graph.NewBinder(p.weights)
	b.Workers = s.gang
	for _, v := range p.Graph.Inputs {
		s.tensor(v)
	}
	for _, n := range p.Graph.Nodes {
		what = "node " + n.Name + " (" + n.Op.String() + ")"
		if _, ok := n.Alias(); ok {
			s.tensor(n.Out[0])
			s.steps = append(s.steps, nil)
			continue
		}
		in, out := make([]*graph.Tensor, len(n.In)), make([]*graph.Tensor, len(n.Out))
		for i, v := range n.In {
			in[i] = s.tensor(v)
		}
		b.Weights.Settle(n.Op, in)
		for i, v := range n.Out {
			out[i] = s.tensor(v)
		}
		if _, ok := n.Op.(graph.Reshape); ok { // of integers, which are not in the arena
			out[0].I = in[0].I
			s.steps = append(s.steps, nil)
			continue
		}
		if out[0] == nil {
			out[0] = graph.NewTensor(n.Out[0].DType, n.Out[0].Shape...)
		}
		s.steps = append(s.steps, n.Op.Bind(b, in, out))
	}
	for _, v := range p.Graph.Outputs {
		s.tensor(v)
	}
	return s, b.Weights.Intact()
}

// tensor is the memory of a value; nil if nothing reads it.
func (s *State) tensor(v *graph.Value) *graph.Tensor {
	if v == nil {
		return nil
	}
	if v.Const != nil {
		return v.Const
	}
	if t, ok := s.tensors[v]; ok {
		return t
	}
	var t *graph.Tensor
	n := graph.Size(v.Shape)
	if pl, ok := s.program.place[v]; ok {
		t = &graph.Tensor{DType: graph.Float32, Shape: v.Shape, F: s.arena[pl.off : pl.off+n : pl.off+n]}
	} else if v.DType != graph.Float32 {
		t = graph.NewTensor(v.DType, v.Shape...)
	}
	s.tensors[v] = t
	return t
}

// Values is the memory of an input or output of the program: write inputs there, read outputs there.
func (s *State) Values(v *graph.Value) []float32 {
	if t := s.tensor(v); t != nil {
		return t.F
	}
	return nil
}

// Ints is the memory of an input or output that holds integers or booleans.
func (s *State) Ints(v *graph.Value) []int64 {
	if t := s.tensor(v); t != nil {
		return t.I
	}
	return nil
}

// Forward runs the forward pass on the inputs.
func (s *State) Forward(ctx context.Context) error {
	return s.run(ctx, s.steps[:s.program.Forward])
}

// Backward runs the rest on the late inputs and what the forward pass left.
func (s *State) Backward(ctx context.Context) error {
	return s.run(ctx, s.steps[s.program.Forward:])
}

func (s *State) run(ctx context.Context, steps []func()) error {
	s.gang.enter()
	defer s.gang.leave()
	done := ctx.Done()
	for _, step := range steps {
		if step == nil {
			continue
		}
		select {
		case <-done:
			return ctx.Err()
		default:
		}
		step()
	}
	return nil
}
