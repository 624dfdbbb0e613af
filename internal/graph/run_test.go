package graph_test

import (
	"context"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// settings are inputs that say what to do rather than what with: they are constants in every model.
var settings = map[string]bool{"scales": true, "roi": true, "starts": true, "ends": true, "axes": true, "steps": true, "depth": true, "k": true}

// sources makes graph inputs of the float tensors and constants of the others, or constants of all.
func sources(m *onnx.Model, in []*graph.Tensor, fold bool) (list []graph.Source, run map[string]*graph.Tensor) {
	run = map[string]*graph.Tensor{}
	next := 0
	for _, v := range m.Graph.Inputs {
		if m.Graph.Initializer(v.Name) != nil || next >= len(in) {
			continue
		}
		t := in[next]
		next++
		if t.DType != graph.Float32 || fold || settings[v.Name] {
			list = append(list, graph.Source{Name: v.Name, Const: t})
			continue
		}
		list = append(list, graph.Source{Name: v.Name, Type: graph.Type{DType: graph.Float32, Shape: t.Shape}})
		run[v.Name] = t
	}
	return list, run
}

// evaluate imports a model and computes its outputs through the engine, or by folding.
func evaluate(m *onnx.Model, in []*graph.Tensor, fold bool) ([]*graph.Tensor, error) {
	list, run := sources(m, in, fold)
	g, err := graph.Import(m, graph.ImportOptions{Sources: list, Constants: true})
	if err != nil {
		return nil, err
	}
	var outs []*graph.Value
	var computed []*graph.Value
	for _, o := range m.Graph.Outputs {
		v := g.Names[o.Name]
		outs = append(outs, v)
		if v.Const == nil {
			computed = append(computed, v)
		}
	}
	c, copies := g.Clone(computed)
	if err := c.FuseBlocks(); err != nil {
		return nil, err
	}
	if err := c.FuseEpilogues(); err != nil {
		return nil, err
	}
	p, err := engine.Compile(c, len(c.Nodes), nil, graph.NewWeights())
	if err != nil {
		return nil, err
	}
	s, err := p.NewState(1)
	if err != nil {
		return nil, err
	}
	for _, v := range c.Inputs {
		if t := run[v.Name]; t != nil {
			copy(s.Values(v), t.F)
		}
	}
	if err := s.Forward(context.Background()); err != nil {
		return nil, err
	}
	var res []*graph.Tensor
	next := 0
	for _, v := range outs {
		if v.Const != nil {
			res = append(res, v.Const)
			continue
		}
		w := c.Outputs[next]
		next++
		_ = copies
		t := &graph.Tensor{DType: v.DType, Shape: v.Shape}
		if v.DType == graph.Float32 {
			t.F = s.Values(w)
		} else {
			t.I = s.Ints(w)
		}
		res = append(res, t)
	}
	return res, nil
}

// closeTo compares a computed tensor with the truth.
func closeTo(t *testing.T, what string, got, want *graph.Tensor, tol float64) {
	t.Helper()
	if !graph.SameShape(got.Shape, want.Shape) {
		t.Errorf("%s: shape %v, want %v", what, got.Shape, want.Shape)
		return
	}
	for i := range want.Len() {
		a, b := number(got, i), number(want, i)
		if d := a - b; a != b && !(a != a && b != b) && !(d <= tol*(1+abs(b)) && d >= -tol*(1+abs(b))) {
			t.Errorf("%s: element %d is %g, want %g", what, i, a, b)
			return
		}
	}
}

func number(t *graph.Tensor, i int) float64 {
	if t.DType == graph.Float32 {
		return float64(t.F[i])
	}
	return float64(t.I[i])
}

func abs(v float64) float64 {
	if v < 0 {
		return -v
	}
	return v
}
