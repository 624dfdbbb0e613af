package graph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// op makes a node; names are separated by spaces, "-" is an input left out.
func op(name, in, out string, attrs ...*onnx.Attribute) *onnx.Node {
	n := (&onnx.Graph{}).AddNode(name, strings.Fields(in), strings.Fields(out), attrs...)
	for i, s := range n.Inputs {
		if s == "-" {
			n.Inputs[i] = ""
		}
	}
	if i := strings.LastIndex(name, ":"); i >= 0 {
		n.Domain, n.OpType = name[:i], name[i+1:]
	}
	n.Name = "the node"
	return n
}

// folded imports a model of constants and gives the elements of its tensor y.
func folded(t *testing.T, opset int64, funcs []*onnx.Function, consts []*onnx.Tensor, nodes ...*onnx.Node) ([]float32, error) {
	t.Helper()
	m := onnx.NewModel("constants", opset)
	m.Opsets["f"], m.Functions = 1, funcs
	m.Graph.AddInitializer(consts...)
	m.Graph.Nodes = nodes
	m.Graph.AddOutput("y", onnx.Float32)
	g, err := graph.Import(m, graph.ImportOptions{Constants: true})
	if err != nil {
		return nil, err
	}
	return g.Names["y"].Const.F, nil
}

func floatsTensor(t *testing.T, name string, v ...float32) *onnx.Tensor {
	c, err := onnx.NewFloat32(name, []int{len(v)}, v)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func rawTensor(t *testing.T, name string, d onnx.DType, dims []int, raw ...byte) *onnx.Tensor {
	c, err := onnx.NewTensor(name, d, dims, raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestBodies imports functions and branches that are unsorted, hold nodes nobody needs, refer to attributes from inside
// a branch, leave inputs out, differ in their overload alone, and give sequences.
func TestBodies(t *testing.T) {
	f := func(name, overload, in string, nodes ...*onnx.Node) *onnx.Function {
		return &onnx.Function{Domain: "f", Name: name, Overload: overload, Inputs: strings.Fields(in), Outputs: []string{"r"}, Nodes: nodes, Opsets: map[string]int64{"": 17, "f": 1}}
	}
	branch := func(nodes ...*onnx.Node) *onnx.Graph {
		g := &onnx.Graph{Name: "branch", Nodes: nodes}
		g.AddOutput("b", onnx.Float32)
		return g
	}
	over := op("f:Twice", "x", "y")
	over.Overload = "thrice"
	slope := &onnx.Attribute{Name: "alpha", Kind: onnx.AttrFloat, Ref: "slope"}
	tensors := []*onnx.Tensor{floatsTensor(t, "x", -1, 2), rawTensor(t, "yes", onnx.Bool, nil, 1), floatsTensor(t, "bias", 100, 100)}
	functions := []*onnx.Function{
		f("Twice", "", "x", op("Add", "x x", "r")), f("Twice", "thrice", "x", op("Add", "x twice", "r"), op("Frobnicate", "x", "dead"), op("f:Twice", "x", "twice")),
		f("Leaky", "", "x c", op("If", "c", "r", onnx.GraphAttr("then_branch", branch(op("LeakyRelu", "x", "b", slope))), onnx.GraphAttr("else_branch", branch(op("Frobnicate", "x", "b"))))),
		f("Bound", "", "x bias top", op("Clip", "x bias top", "r")),
	}
	list := branch(op("SequenceConstruct", "x bias", "b"))
	for _, c := range []struct {
		name  string
		want  []float32
		nodes []*onnx.Node
	}{
		{"overload", []float32{-3, 6}, []*onnx.Node{over}},
		{"attribute in a branch", []float32{-0.5, 2}, []*onnx.Node{op("f:Leaky", "x yes", "y", &onnx.Attribute{Name: "slope", Kind: onnx.AttrFloat, Float: 0.5})}},
		{"input left out", []float32{-1, 2}, []*onnx.Node{op("f:Bound", "x", "y")}}, // and not the caller's tensor of that name
		{"sequence of a branch", []float32{100, 100}, []*onnx.Node{
			op("If", "yes", "s", onnx.GraphAttr("then_branch", list), onnx.GraphAttr("else_branch", list)), op("Constant", "", "i", onnx.IntAttr("value_int", 1)), op("SequenceAt", "s i", "y")}},
	} {
		got, err := folded(t, 17, functions, tensors, c.nodes...)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

// TestSmallWeights dequantises weights of four and eight bits, by blocks and packed.
func TestSmallWeights(t *testing.T) {
	scales := func(v ...float32) *onnx.Tensor {
		c, err := onnx.NewFloat32("s", []int{2, len(v) / 2}, v)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	block := []*onnx.Attribute{onnx.IntAttr("axis", 1), onnx.IntAttr("block_size", 2)}
	one := rawTensor(t, "s", onnx.Float32, nil, 0, 0, 128, 63)
	for _, c := range []struct {
		name   string
		want   []float32
		consts []*onnx.Tensor
		node   *onnx.Node
	}{
		{"int4 in blocks of 2 of 3", []float32{1, -1, -80, 7, 0, 30}, []*onnx.Tensor{rawTensor(t, "q", onnx.Int4, []int{2, 3}, 0xf1, 0x78, 0x30), scales(1, 10, 1, 10)}, op("DequantizeLinear", "q s", "y", block...)},
		{"uint4 with zero points", []float32{-7, 7, 0, -1}, []*onnx.Tensor{rawTensor(t, "q", onnx.Uint4, []int{2, 2}, 0xf1, 0x12), rawTensor(t, "z", onnx.Uint4, []int{2, 1}, 0x28), scales(1, 1)}, op("DequantizeLinear", "q s z", "y", block...)},
		{"float8 E4M3", []float32{1, -448, 0.001953125, 0}, []*onnx.Tensor{rawTensor(t, "q", onnx.Float8E4M3, []int{4}, 0x38, 0xfe, 0x01, 0x80), one}, op("DequantizeLinear", "q s", "y")},
		{"float8 E5M2", []float32{1, 57344, -0.0000152587890625}, []*onnx.Tensor{rawTensor(t, "q", 19, []int{3}, 0x3c, 0x7b, 0x81), one}, op("DequantizeLinear", "q s", "y")},
		// W = [[1-8, 2-8, 15-8], [(0-2)·10, (3-2)·10, (4-1)·100]], x = 1 1 1
		{"MatMulNBits", []float32{-6, 290}, []*onnx.Tensor{floatsTensor(t, "x", 1, 1, 1), rawTensor(t, "w", onnx.Uint8, []int{2, 2, 1}, 0x21, 0x0f, 0x30, 0x04),
			floatsTensor(t, "s", 1, 1, 10, 100), rawTensor(t, "z", onnx.Uint8, []int{2}, 0x88, 0x12)},
			op("com.microsoft:MatMulNBits", "x w s z", "y", onnx.IntAttr("K", 3), onnx.IntAttr("N", 2), onnx.IntAttr("block_size", 2), onnx.IntAttr("bits", 4))},
	} {
		got, err := folded(t, 21, nil, c.consts, c.node)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

// TestRefusedForms names what cannot be imported.
func TestRefusedForms(t *testing.T) {
	x := []*onnx.Tensor{floatsTensor(t, "x", 1, 2, 3, 4), rawTensor(t, "sizes", onnx.Int64, []int{2}, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0)}
	for want, n := range map[string]*onnx.Node{
		"value_string holds text":     op("Constant", "", "y", onnx.StringAttr("value_string", "a")),
		"sparse_value":                op("Constant", "", "y", &onnx.Attribute{Name: "sparse_value", Kind: onnx.AttrSparseTensor}),
		"sizes [1 2] do not split":    op("Split", "x sizes", "y z"),
		"is laid out for one process": op("com.ms.internal.nhwc:Conv", "x x", "y"),
	} {
		if _, err := folded(t, 17, nil, x, n); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"the node"`) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}
