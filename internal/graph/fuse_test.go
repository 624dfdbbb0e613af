package graph_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// sketch builds a model of one input x node by node, as exporters spell things.
type sketch struct {
	t *testing.T
	m *onnx.Model
	n int
}

// op adds a node and gives its result; inputs are separated by spaces.
func (s *sketch) op(name, in string, attrs ...*onnx.Attribute) string {
	s.n++
	out := fmt.Sprint("v", s.n)
	s.m.Graph.AddNode(name, strings.Fields(in), []string{out}, attrs...)
	return out
}

func (s *sketch) add(c *onnx.Tensor, err error) string {
	if err != nil {
		s.t.Fatal(err)
	}
	s.m.Graph.AddInitializer(c)
	return c.Name
}

func (s *sketch) ints(v ...int64) string {
	s.n++
	return s.add(onnx.NewInt64(fmt.Sprint("i", s.n), []int{len(v)}, v))
}

// floats adds a constant of this shape with different elements.
func (s *sketch) floats(dims ...int) string {
	s.n++
	v := make([]float32, graph.Size(dims))
	for i := range v {
		v[i] = float32(math.Cos(float64(i)*0.37+float64(s.n))) + 0.1
	}
	return s.add(onnx.NewFloat32(fmt.Sprint("f", s.n), dims, v))
}

func (s *sketch) number(v float32) string {
	s.n++
	return s.add(onnx.NewFloat32(fmt.Sprint("c", s.n), nil, []float32{v}))
}

func (s *sketch) slice(x string, axis, from, to, step int64) string {
	return s.op("Slice", x+" "+s.ints(from)+" "+s.ints(to)+" "+s.ints(axis)+" "+s.ints(step))
}

// turned is x∘cos + x'∘sin with the constants' shape.
func (s *sketch) turned(x, swapped string, dims ...int) string {
	return s.op("Add", s.op("Mul", x+" "+s.floats(dims...))+" "+s.op("Mul", swapped+" "+s.floats(dims...)))
}

func (s *sketch) stacked(a, b string, to ...int64) string {
	last := s.ints(-1)
	c := s.op("Concat", s.op("Unsqueeze", a+" "+last)+" "+s.op("Unsqueeze", b+" "+last), onnx.IntAttr("axis", -1))
	return s.op("Reshape", c+" "+s.ints(to...))
}

// scores is x·xᵀ for each head.
func (s *sketch) scores(x string) string {
	return s.op("MatMul", x+" "+s.op("Transpose", x, onnx.IntsAttr("perm", 0, 1, 3, 2)))
}

// fusions are spellings over x [1,2,5,6] and what they are to become.
var fusions = []struct {
	name, want string
	build      func(s *sketch) string
}{
	{"rotary, stacked neighbours, one prefix token", "Rotary(neighbours)", func(s *sketch) string {
		x := s.slice("x", 2, 1, 5, 1)
		swapped := s.stacked(s.op("Neg", s.slice(x, 3, 1, 6, 2)), s.slice(x, 3, 0, 6, 2), 1, 2, 4, 6)
		return s.op("Concat", s.slice("x", 2, 0, 1, 1)+" "+s.turned(x, swapped, 4, 6), onnx.IntAttr("axis", 2))
	}},
	{"rotary, unbound neighbours, a table for each head", "Rotary(neighbours)", func(s *sketch) string {
		pairs := s.op("Reshape", "x "+s.ints(1, 2, 5, 3, 2))
		pick := func(i int64) string {
			return s.op("Squeeze", s.slice(pairs, 4, i, i+1, 1)+" "+s.ints(4))
		}
		return s.turned("x", s.stacked(s.op("Neg", pick(1)), pick(0), 1, 2, 5, 6), 2, 5, 6)
	}},
	{"rotary, halves", "Rotary(halves)", func(s *sketch) string {
		swapped := s.op("Concat", s.op("Neg", s.slice("x", 3, 3, 6, 1))+" "+s.slice("x", -1, 0, 3, 1), onnx.IntAttr("axis", -1))
		return s.turned("x", swapped, 1, 1, 5, 6)
	}},
	{"rotary, as real and imaginary parts, scaled", "Rotary(halves)", func(s *sketch) string {
		a, b, cos, sin := s.slice("x", 3, 0, 3, 1), s.slice("x", 3, 3, 6, 1), s.floats(5, 3), s.floats(5, 3)
		mul := func(x, y string) string { return s.op("Mul", x+" "+y) }
		re, im := s.op("Sub", mul(a, cos)+" "+mul(b, sin)), s.op("Add", mul(b, cos)+" "+mul(a, sin))
		return mul(s.op("Concat", re+" "+im, onnx.IntAttr("axis", 3)), s.number(0.3))
	}},
	{"rotary, operator set 23", "Rotary(neighbours)", func(s *sketch) string {
		return s.op("RotaryEmbedding", "x "+s.floats(1, 5, 3)+" "+s.floats(1, 5, 3), onnx.IntAttr("interleaved", 1))
	}},
	{"no rotary: a shift by one", "", func(s *sketch) string {
		shifted := s.op("Concat", s.slice("x", 3, 5, 6, 1)+" "+s.slice("x", 3, 0, 5, 1), onnx.IntAttr("axis", 3))
		return s.turned("x", shifted, 5, 6)
	}},
	{"root mean square, reciprocal by division", "RMSNorm", func(s *sketch) string {
		power := s.op("ReduceMean", s.op("Pow", "x "+s.number(2))+" "+s.ints(-1))
		root := s.op("Sqrt", s.op("Add", power+" "+s.number(1e-6)))
		return s.op("Mul", s.floats(6)+" "+s.op("Mul", "x "+s.op("Div", s.number(1)+" "+root)))
	}},
	{"root mean square, a power of -1/2", "RMSNorm", func(s *sketch) string {
		power := s.op("ReduceMean", s.op("Mul", "x x")+" "+s.ints(3))
		return s.op("Mul", s.op("Pow", s.op("Add", power+" "+s.number(1e-6))+" "+s.number(-0.5))+" x")
	}},
	{"root mean square, operator set 23", "RMSNorm", func(s *sketch) string {
		return s.op("RMSNormalization", "x "+s.floats(6))
	}},
	{"unit length with a bound", "RMSNorm", func(s *sketch) string {
		length := s.op("Clip", s.op("ReduceL2", "x "+s.ints(-1))+" "+s.number(1e-12))
		return s.op("Div", "x "+s.op("Expand", length+" "+s.op("Shape", "x")))
	}},
	{"attention that guards against hidden rows", "Attention", func(s *sketch) string {
		p := s.op("Softmax", s.op("Add", s.scores("x")+" "+s.floats(5, 5)))
		return s.op("MatMul", s.op("Where", s.op("IsNaN", p)+" "+s.number(0)+" "+p)+" x")
	}},
	{"attention with a factor for each head", "Attention", func(s *sketch) string {
		return s.op("MatMul", s.op("Softmax", s.op("Mul", s.scores("x")+" "+s.floats(2, 1, 1)), onnx.IntAttr("axis", -1))+" x")
	}},
	{"attention with a factor for each head, heads as batch", "Attention", func(s *sketch) string {
		x := s.op("Reshape", "x "+s.ints(2, 5, 6))
		scores := s.op("MatMul", x+" "+s.op("Transpose", x, onnx.IntsAttr("perm", 0, 2, 1)))
		scaled := s.op("Mul", s.op("Reshape", scores+" "+s.ints(1, 2, 5, 5))+" "+s.floats(2, 1, 1))
		flat := s.op("Reshape", scaled+" "+s.ints(2, 5, 5))
		return s.op("MatMul", s.op("Softmax", flat, onnx.IntAttr("axis", -1))+" "+x)
	}},
}

// TestFusions: what is fused computes what its parts compute, forward and backward.
func TestFusions(t *testing.T) {
	for _, c := range fusions {
		t.Run(c.name, func(t *testing.T) {
			s := &sketch{t: t, m: onnx.NewModel("fusion", 23)}
			s.m.Graph.AddInput("x", onnx.Float32, onnx.Fixed(1, 2, 5, 6)...)
			s.m.Graph.AddOutput(c.build(s), onnx.Float32)
			want, _ := runSketch(t, s.m, false)
			got, ops := runSketch(t, s.m, true)
			for i := range want {
				if d := math.Abs(float64(got[i] - want[i])); !(d <= 1e-5) {
					t.Fatalf("element %d is %g fused and %g in parts", i, got[i], want[i])
				}
			}
			for i, op := range ops {
				ops[i], _, _ = strings.Cut(op, "(eps")
			}
			steps := strings.Join(ops, ", ")
			if c.want != "" && !strings.Contains(steps, c.want) || c.want == "" && strings.Contains(steps, "Rotary") {
				t.Errorf("operators are %s; want %q", steps, c.want)
			}
		})
	}
}

// runSketch gives the result and the gradient of a fixed functional of it, one after the other, and the
// operators of the forward pass.
func runSketch(t *testing.T, m *onnx.Model, fuse bool) (values []float32, ops []string) {
	x := graph.Source{Name: "x", Type: graph.Type{DType: graph.Float32, Shape: []int{1, 2, 5, 6}}}
	g, err := graph.Import(m, graph.ImportOptions{Sources: []graph.Source{x}})
	if err != nil {
		t.Fatal(err)
	}
	if fuse {
		if err := g.FuseBlocks(); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range g.Nodes {
		ops = append(ops, n.Op.String())
	}
	y := g.Outputs[0]
	cot := g.Input("", graph.Float32, y.Shape...)
	grads, err := g.Backprop([]*graph.Value{y}, []*graph.Value{cot}, g.Inputs[:1], nil)
	if err != nil {
		t.Fatal(err)
	}
	g.Outputs = []*graph.Value{y, grads[0]}
	e, err := engine.Compile(g, len(g.Nodes), nil, graph.NewWeights())
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.NewState(1)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range g.Inputs {
		for i := range s.Values(v) {
			s.Values(v)[i] = float32(math.Sin(float64(i)*1.3 + float64(k)))
		}
	}
	if err := s.Forward(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, v := range g.Outputs {
		values = append(values, floatsOf(s, v)...)
	}
	return values, ops
}
