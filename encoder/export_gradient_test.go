package encoder

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// runFile computes the outputs of an ONNX file of fixed shapes for named inputs.
func runFile(t *testing.T, path string, in map[string][]float32) map[string][]float32 {
	t.Helper()
	m, err := onnx.Open(path, onnx.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var o graph.ImportOptions
	for _, v := range m.Graph.Inputs {
		var shape []int
		for _, d := range v.Dims {
			shape = append(shape, int(d.Value))
		}
		o.Sources = append(o.Sources, graph.Source{Name: v.Name, Type: graph.Type{DType: graph.Float32, Shape: shape}})
	}
	g, err := graph.Import(m, o)
	if err != nil {
		t.Fatal(err)
	}
	p, err := engine.Compile(g, len(g.Nodes), nil, graph.NewWeights())
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.NewState(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range g.Inputs {
		copy(s.Values(v), in[v.Name])
	}
	if err := s.Forward(context.Background()); err != nil {
		t.Fatal(err)
	}
	out := map[string][]float32{}
	for _, v := range m.Graph.Outputs {
		out[v.Name] = s.Values(g.Names[v.Name])
	}
	return out
}

// TestExportGradient exports the gradient of every sample, whole and in two parts, runs the files and
// compares with the encoder's own gradient.
func TestExportGradient(t *testing.T) {
	root := sharedGoldens(t)
	for _, m := range goldens(t, root) {
		t.Run(m.ID, func(t *testing.T) { exportOne(t, root, m) })
	}
}

func exportOne(t *testing.T, root string, m goldenModel) {
	enc, err := Open(filepath.Join(root, m.File))
	if err != nil {
		t.Fatal(err)
	}
	dir, _ := forORT(t, "gradients", m.ID)
	taps := []Tap{Embedding, Block(enc.Spec().Depth / 2)}
	if enc.Spec().Heads > 0 {
		taps = append(taps, Values(1))
	}
	g := golden{t: t, enc: enc.Raw(), dir: filepath.Join(root, m.Golden), model: m}
	x := g.images("b1")
	tr, err := g.enc.Trace(context.Background(), x, taps...)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	rng := rand.New(rand.NewPCG(7, 7))
	in := map[string][]float32{m.Input: x[0].Float32s()}
	write(t, dir, "in", m.Input, x[0].Float32s(), append([]int{1}, x[0].Shape()...))
	var cots []*tensor.Dense
	for i, tap := range taps {
		c := tr.Activation(i).Clone().(*tensor.Dense)
		for j := range c.Float32s() {
			c.Float32s()[j] = float32(rng.NormFloat64())
		}
		cots = append(cots, c)
		in[cotangentName+string(tap)] = c.Float32s()
		write(t, dir, "in", cotangentName+string(tap), c.Float32s(), c.Shape())
	}
	want, err := tr.VJP(context.Background(), cots)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "out", gradientName, want[0].Float32s(), append([]int{1}, want[0].Shape()...))
	path := filepath.Join(dir, "gradient.onnx")
	if err := enc.ExportGradient(path, taps...); err != nil {
		t.Fatal(err)
	}
	standardOnly(t, path)
	near(t, "gradient", runFile(t, path, in)[gradientName], want[0].Float32s())

	fwd, bwd := filepath.Join(dir, "forward.onnx"), filepath.Join(dir, "backward.onnx")
	if err := enc.ExportGradientParts(fwd, bwd, taps...); err != nil {
		t.Fatal(err)
	}
	between := runFile(t, fwd, in)
	for i, tap := range taps {
		near(t, string(tap), between[string(tap)], tr.Activation(i).Float32s())
	}
	for name, v := range in {
		between[name] = v
	}
	if strings.Contains(m.ID, "resnet") { // its max pooling passes integers on, which runFile cannot
		return
	}
	near(t, "gradient in two parts", runFile(t, bwd, between)[gradientName], want[0].Float32s())
}

// standardOnly checks operators and that no weight is stored twice.
func standardOnly(t *testing.T, path string) {
	m, err := onnx.Open(path, onnx.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range m.Graph.Nodes {
		if n.Domain != "" {
			t.Errorf("node of domain %q", n.Domain)
		}
	}
	seen := map[string]string{}
	for _, c := range m.Graph.Initializers {
		b, err := c.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if len(b) < 256 {
			continue
		}
		if other, ok := seen[string(b)]; ok && c.Type == onnx.Float32 {
			t.Errorf("%s and %s hold the same %d bytes", other, c.Name, len(b))
		}
		seen[string(b)] = c.Name
	}
}

// near compares by relative L2 distance.
func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d elements, want %d", what, len(got), len(want))
		return
	}
	var d, n float64
	for i, w := range want {
		d += sq(float64(got[i]) - float64(w))
		n += sq(float64(w))
	}
	if !(d <= 1e-8*n) {
		t.Errorf("%s: relative difference² %.2g", what, d/n)
	}
}
