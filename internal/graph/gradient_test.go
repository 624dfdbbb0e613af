package graph_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// opCase is one node whose gradient is compared with central differences of its own forward pass.
type opCase struct {
	op     string
	domain string
	opset  int64 // 0: 21
	in     []arg
	attrs  []*onnx.Attribute
	out    int // results; 0 is one
}

// arg is an input: an array with a gradient, or a constant.
type arg struct {
	dims   []int
	lo, hi float64 // range of random elements
	ints   []int64
	konst  []float32
	none   bool
}

func rnd(dims ...int) arg                          { return arg{dims: dims, lo: -2, hi: 2} }
func within(lo, hi float64, dims ...int) arg       { return arg{dims: dims, lo: lo, hi: hi} }
func ints(dims []int, v ...int64) arg              { return arg{dims: dims, ints: v} }
func konst(dims []int, v ...float32) arg           { return arg{dims: dims, konst: v} }
func attrs(a ...*onnx.Attribute) []*onnx.Attribute { return a }

var (
	none   = arg{none: true}
	asInt  = onnx.IntAttr
	asInts = onnx.IntsAttr
	asStr  = onnx.StringAttr
	asNum  = onnx.FloatAttr
)

func (c opCase) String() string { return fmt.Sprintf("%s%s/%v", c.domain, c.op, c.dims()) }

func (c opCase) dims() (d [][]int) {
	for _, a := range c.in {
		d = append(d, a.dims)
	}
	return d
}

// model wraps the node in a model; run holds the values of its array inputs.
func (c opCase) model(t *testing.T) (*onnx.Model, []graph.Source, map[string][]float32) {
	opset := c.opset
	if opset == 0 {
		opset = 21
	}
	m := onnx.NewModel("one node", opset)
	n := &onnx.Node{OpType: c.op, Domain: c.domain, Name: "the node", Attrs: map[string]*onnx.Attribute{}}
	if c.domain != "" {
		m.Opsets[c.domain] = 1
	}
	for _, a := range c.attrs {
		n.Attrs[a.Name] = a
	}
	rng := rand.New(rand.NewPCG(5, 6))
	run := map[string][]float32{}
	var list []graph.Source
	for i, a := range c.in {
		name := fmt.Sprint("in", i)
		if a.none {
			name = ""
		}
		n.Inputs = append(n.Inputs, name)
		switch {
		case a.none:
		case a.ints != nil:
			list = append(list, graph.Source{Name: name, Const: &graph.Tensor{DType: graph.Int64, Shape: a.dims, I: a.ints}})
		case a.konst != nil:
			list = append(list, graph.Source{Name: name, Const: graph.Floats(a.konst, a.dims...)})
		default:
			v := make([]float32, graph.Size(a.dims))
			for j := range v {
				v[j] = float32(a.lo + (a.hi-a.lo)*rng.Float64())
			}
			run[name] = v
			list = append(list, graph.Source{Name: name, Type: graph.Type{DType: graph.Float32, Shape: a.dims}})
		}
		if name != "" {
			m.Graph.AddInput(name, onnx.Float32, onnx.Fixed(a.dims...)...)
		}
	}
	for i := range max(c.out, 1) {
		n.Outputs = append(n.Outputs, fmt.Sprint("out", i))
		m.Graph.AddOutput(n.Outputs[i], onnx.Float32)
	}
	m.Graph.Nodes = append(m.Graph.Nodes, n)
	return m, list, run
}

// program differentiates ⟨c, out⟩ with respect to every array input.
type program struct {
	g          *graph.Graph
	s          *engine.State
	out, cot   *graph.Value
	grads      []*graph.Value
	forwardLen int
}

func (c opCase) compile(t *testing.T) (*program, map[string][]float32) {
	m, list, run := c.model(t)
	g, err := graph.Import(m, graph.ImportOptions{Sources: list})
	if err != nil {
		t.Fatal(err)
	}
	out := g.Names["out0"]
	g, _ = g.Clone([]*graph.Value{out})
	if err := g.FuseBlocks(); err != nil {
		t.Fatal(err)
	}
	if err := g.FuseEpilogues(); err != nil {
		t.Fatal(err)
	}
	p := &program{g: g, out: g.Outputs[0], forwardLen: len(g.Nodes)}
	wrt := append([]*graph.Value(nil), g.Inputs...)
	p.cot = g.Input("", graph.Float32, p.out.Shape...)
	grads, err := g.Backprop([]*graph.Value{p.out}, []*graph.Value{p.cot}, wrt, nil)
	if err != nil {
		t.Fatal(err)
	}
	g.Outputs = append([]*graph.Value{p.out}, grads...)
	if err := g.FuseBackward(); err != nil {
		t.Fatal(err)
	}
	p.out, p.grads = g.Outputs[0], g.Outputs[1:]
	e, err := engine.Compile(g, len(g.Nodes), nil, graph.NewWeights())
	if err != nil {
		t.Fatal(err)
	}
	if p.s, err = e.NewState(1); err != nil {
		t.Fatal(err)
	}
	return p, run
}

// value runs both passes and returns ⟨c, out⟩ in float64.
func (p *program) value(t *testing.T, run map[string][]float32, c []float32) float64 {
	for _, v := range p.g.Inputs {
		if x := run[v.Name]; x != nil {
			copy(p.s.Values(v), x)
		}
	}
	copy(p.s.Values(p.cot), c)
	if err := p.s.Forward(context.Background()); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, y := range p.s.Values(p.out) {
		sum += float64(y) * float64(c[i])
	}
	return sum
}

// TestGradients compares the gradient of every differentiable operator with central differences along
// random directions and along single elements.
func TestGradients(t *testing.T) {
	for _, c := range gradientCases {
		t.Run(c.String(), func(t *testing.T) { checkGradient(t, c) })
	}
}

const step = 1e-2

func checkGradient(t *testing.T, c opCase) {
	p, run := c.compile(t)
	rng := rand.New(rand.NewPCG(8, 9))
	cot := make([]float32, graph.Size(p.out.Shape))
	for i := range cot {
		cot[i] = float32(rng.NormFloat64())
	}
	p.value(t, run, cot)
	var grads [][]float32
	for _, v := range p.grads {
		grads = append(grads, append([]float32(nil), floatsOf(p.s, v)...))
	}
	next := 0
	for _, v := range p.g.Inputs {
		x := run[v.Name]
		if x == nil {
			continue
		}
		g := grads[next]
		next++
		var scale float64
		for _, d := range g {
			scale = max(scale, math.Abs(float64(d)))
		}
		for range min(len(x), 8) {
			i := rng.IntN(len(x))
			num := p.slope(t, run, x, i, cot)
			if d := math.Abs(num - float64(g[i])); !(d <= 2e-3*(1+scale)) {
				t.Errorf("%s: gradient of element %d is %g, central difference %g", v.Name, i, g[i], num)
				return
			}
		}
	}
}

// slope is the central difference at element i, extrapolated from two steps (Richardson).
func (p *program) slope(t *testing.T, run map[string][]float32, x []float32, i int, cot []float32) float64 {
	at := x[i]
	diff := func(h float32) float64 {
		x[i] = at + h
		hi := p.value(t, run, cot)
		up := float64(x[i])
		x[i] = at - h
		lo := p.value(t, run, cot)
		d := (hi - lo) / (up - float64(x[i]))
		x[i] = at
		return d
	}
	return (4*diff(step) - diff(2*step)) / 3
}

func floatsOf(s *engine.State, v *graph.Value) []float32 {
	if v.Const != nil {
		return v.Const.F
	}
	return s.Values(v)
}
