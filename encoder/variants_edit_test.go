package encoder

import (
	"fmt"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// rewrite replaces the nodes that f gives a replacement for.
func rewrite(m *onnx.Model, f func(n *onnx.Node) []*onnx.Node) {
	var out []*onnx.Node
	for _, n := range m.Graph.Nodes {
		if r := f(n); r != nil {
			out = append(out, r...)
		} else {
			out = append(out, n)
		}
	}
	m.Graph.Nodes = out
}

// node makes a node; names of inputs and outputs are separated by spaces.
func node(op, in, out string, attrs ...*onnx.Attribute) *onnx.Node {
	g := &onnx.Graph{}
	return g.AddNode(op, strings.Fields(in), strings.Fields(out), attrs...)
}

func producers(m *onnx.Model) map[string]*onnx.Node {
	p := map[string]*onnx.Node{}
	for _, n := range m.Graph.Nodes {
		for _, o := range n.Outputs {
			p[o] = n
		}
	}
	return p
}

func addInts(t *testing.T, m *onnx.Model, name string, dims []int, v ...int64) {
	c, err := onnx.NewInt64(name, dims, v)
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.AddInitializer(c)
}

func addFloats(t *testing.T, m *onnx.Model, name string, dims []int, v ...float32) {
	n := 1
	for _, d := range dims {
		n *= d
	}
	for len(v) < n {
		v = append(v, v[len(v)-1])
	}
	c, err := onnx.NewFloat32(name, dims, v)
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.AddInitializer(c)
}

// atInput puts a node between the image input and its readers.
func atInput(m *onnx.Model, n *onnx.Node) {
	in := m.Graph.Inputs[0].Name
	for _, r := range m.Graph.Nodes {
		for i, name := range r.Inputs {
			if name == in {
				r.Inputs[i] = n.Outputs[0]
			}
		}
	}
	m.Graph.Nodes = append([]*onnx.Node{n}, m.Graph.Nodes...)
}

func channelsLast(t *testing.T, m *onnx.Model) {
	v := m.Graph.Inputs[0]
	v.Dims = []onnx.Dim{v.Dims[0], v.Dims[2], v.Dims[3], v.Dims[1]}
	atInput(m, node("Transpose", v.Name, "planar", onnx.IntsAttr("perm", 0, 3, 1, 2)))
}

func inputType(d onnx.DType) func(*testing.T, *onnx.Model) {
	return func(t *testing.T, m *onnx.Model) {
		m.Graph.Inputs[0].Type = d
		atInput(m, node("Cast", m.Graph.Inputs[0].Name, "wide", onnx.IntAttr("to", int64(onnx.Float32))))
	}
}

// fixedBatch bakes a number of images into every shape that the graph computes.
func fixedBatch(n int) func(*testing.T, *onnx.Model) {
	return func(t *testing.T, m *onnx.Model) {
		m.Graph.Inputs[0].Dims[0] = onnx.Dim{Value: int64(n)}
		shapes, err := bakedShapes(m, n)
		if err != nil {
			t.Fatal(err)
		}
		rewrite(m, func(r *onnx.Node) []*onnx.Node {
			if s, ok := shapes[r.Outputs[0]]; ok && r.OpType == "Shape" {
				addInts(t, m, r.Outputs[0], []int{len(s)}, s...)
				return []*onnx.Node{}
			}
			return nil
		})
	}
}

func withEinsum(t *testing.T, m *onnx.Model) {
	from := producers(m)
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if n.OpType != "MatMul" {
			return nil
		}
		a, b := n.Inputs[0], n.Inputs[1]
		eq := "...d,df->...f"
		switch p := from[b]; {
		case strings.HasPrefix(a, "softmax"):
			eq = "bhqk,bhkd->bhqd"
		case p != nil && p.OpType == "Transpose":
			eq, b = "bhqd,bhkd->bhqk", p.Inputs[0]
		}
		return []*onnx.Node{node("Einsum", a+" "+b, n.Outputs[0], onnx.StringAttr("equation", eq))}
	})
}

func spellSoftmax(t *testing.T, m *onnx.Model) {
	addInts(t, m, "last axis", []int{1}, -1)
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if n.OpType != "Softmax" {
			return nil
		}
		x, y := n.Inputs[0], n.Outputs[0]
		top, sum := node("ReduceMax", x, y+"max"), node("ReduceSum", y+"exp", y+"sum")
		top.Inputs, sum.Inputs = append(top.Inputs, "last axis"), append(sum.Inputs, "last axis")
		return []*onnx.Node{top, node("Sub", x+" "+y+"max", y+"sub"), node("Exp", y+"sub", y+"exp"), sum, node("Div", y+"exp "+y+"sum", y)}
	})
}

func maskScores(t *testing.T, m *onnx.Model) {
	addFloats(t, m, "mask", []int{1, 1, 17, 17}, 0)
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if n.OpType != "Softmax" {
			return nil
		}
		masked := node("Add", n.Inputs[0]+" mask", n.Inputs[0]+"_masked")
		n.Inputs[0] = masked.Outputs[0]
		return []*onnx.Node{masked, n}
	})
}

// instanceNorm writes LayerNorm of [T,B,D] as instance normalisation of one channel a token.
func instanceNorm(t *testing.T, m *onnx.Model) {
	addFloats(t, m, "one", []int{1}, 1)
	addFloats(t, m, "zero", []int{1}, 0)
	addInts(t, m, "rows", []int{3}, -1, 1, 64)
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if n.OpType != "LayerNormalization" {
			return nil
		}
		x, y := n.Inputs[0], n.Outputs[0]
		return []*onnx.Node{
			node("Reshape", x+" rows", y+"_rows"), node("Shape", x, y+"_shape"),
			node("InstanceNormalization", y+"_rows one zero", y+"_in", n.Attrs["epsilon"]),
			node("Reshape", y+"_in "+y+"_shape", y+"_back"),
			node("Mul", y+"_back "+n.Inputs[1], y+"_scaled"), node("Add", y+"_scaled "+n.Inputs[2], y),
		}
	})
}

// groupNormLayer writes it as group normalisation of one group.
func groupNormLayer(t *testing.T, m *onnx.Model) {
	m.Opsets[""] = 21
	addInts(t, m, "columns", []int{2}, -1, 64)
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if n.OpType != "LayerNormalization" {
			return nil
		}
		x, y := n.Inputs[0], n.Outputs[0]
		return []*onnx.Node{
			node("Reshape", x+" columns", y+"_rows"), node("Shape", x, y+"_shape"),
			node("GroupNormalization", y+"_rows "+n.Inputs[1]+" "+n.Inputs[2], y+"_gn", n.Attrs["epsilon"], onnx.IntAttr("num_groups", 1)),
			node("Reshape", y+"_gn "+y+"_shape", y),
		}
	})
}

func localFunction(t *testing.T, m *onnx.Model) {
	m.Opsets["my.domain"] = 1
	ref := &onnx.Attribute{Name: "approximate", Kind: onnx.AttrString, Ref: "how"}
	m.Functions = append(m.Functions, &onnx.Function{
		Domain: "my.domain", Name: "Activation", Inputs: []string{"x"}, Outputs: []string{"y"}, Opsets: map[string]int64{"": 20},
		AttributeDefaults: map[string]*onnx.Attribute{"how": onnx.StringAttr("how", "none")},
		Nodes:             []*onnx.Node{node("Identity", "x", "conv_2"), node("Gelu", "conv_2", "y", ref)},
	})
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if n.OpType == "Gelu" {
			n.OpType, n.Domain, n.Attrs = "Activation", "my.domain", nil
		}
		return nil
	})
}

func disorder(t *testing.T, m *onnx.Model) {
	rename := func(s string) string {
		if s == "" || s == "pixel_values" || s == "image_embeds" || s == "last_hidden_state" {
			return s
		}
		return "/ü " + s + "::0\n"
	}
	for _, c := range m.Graph.Initializers {
		c.Name = rename(c.Name)
	}
	n := len(m.Graph.Nodes)
	for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
		m.Graph.Nodes[i], m.Graph.Nodes[j] = m.Graph.Nodes[j], m.Graph.Nodes[i]
	}
	for _, n := range m.Graph.Nodes {
		n.Name = ""
		for i := range n.Inputs {
			n.Inputs[i] = rename(n.Inputs[i])
		}
		for i := range n.Outputs {
			n.Outputs[i] = rename(n.Outputs[i])
		}
	}
	m.Graph.Nodes = append(m.Graph.Nodes, node("Frobnicate", "pixel_values", "nobody"), node("Unique", "nobody", "cares"))
}

func constantNodes(t *testing.T, m *onnx.Model) {
	var nodes []*onnx.Node
	for i, c := range m.Graph.Initializers {
		n := node("Constant", "", "", onnx.TensorAttr("value", c))
		n.Outputs = []string{c.Name}
		n.Name = fmt.Sprint("constant ", i)
		nodes = append(nodes, n)
	}
	m.Graph.Nodes, m.Graph.Initializers = append(nodes, m.Graph.Nodes...), nil
}

func initializersAsInputs(t *testing.T, m *onnx.Model) {
	m.IRVersion = 3
	for _, c := range m.Graph.Initializers {
		m.Graph.AddInput(c.Name, c.Type, onnx.Fixed(c.Dims...)...)
	}
}

func sequences(t *testing.T, m *onnx.Model) {
	for i := range 3 {
		addInts(t, m, fmt.Sprint("at", i), nil, int64(i))
	}
	addInts(t, m, "third", nil, 48)
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if n.OpType != "Split" {
			return nil
		}
		list := n.Outputs[0] + "_list"
		out := []*onnx.Node{node("SplitToSequence", n.Inputs[0]+" third", list, onnx.IntAttr("axis", -1))}
		for i, y := range n.Outputs {
			out = append(out, node("SequenceAt", fmt.Sprintf("%s at%d", list, i), y))
		}
		return out
	})
}

// branches chooses between softmax and garbage by the rank of the image.
func branches(t *testing.T, m *onnx.Model) {
	addInts(t, m, "four", nil, 4)
	m.Graph.Nodes = append([]*onnx.Node{
		node("Shape", "pixel_values", "image shape_"), node("Size", "rank_of", "rank"), node("Equal", "rank four", "is image"),
	}, m.Graph.Nodes...)
	m.Graph.Nodes[0].Outputs[0], m.Graph.Nodes[2].Outputs[0] = "rank_of", "is_image"
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if n.OpType != "Softmax" {
			return nil
		}
		sub := func(op string, attrs ...*onnx.Attribute) *onnx.Graph {
			g := &onnx.Graph{Name: op, Nodes: []*onnx.Node{node(op, n.Inputs[0], "chosen", attrs...)}}
			g.AddOutput("chosen", onnx.Float32)
			return g
		}
		return []*onnx.Node{node("If", "is_image", n.Outputs[0],
			onnx.GraphAttr("then_branch", sub("Softmax", onnx.IntAttr("axis", -1))), onnx.GraphAttr("else_branch", sub("Frobnicate")))}
	})
}

// loops halves the scores twice in a loop and multiplies them by four after it.
func loops(t *testing.T, m *onnx.Model) {
	addInts(t, m, "rounds", nil, 2)
	addFloats(t, m, "half", nil, 0.5)
	addFloats(t, m, "quadruple", nil, 4)
	truth, err := onnx.NewTensor("true", onnx.Bool, nil, []byte{1})
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.AddInitializer(truth)
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if n.OpType != "Softmax" {
			return nil
		}
		body := &onnx.Graph{Name: "body", Nodes: []*onnx.Node{
			node("Identity", "going", "still"), node("Mul", "carried half", "next"),
		}}
		body.AddInput("i", onnx.Int64)
		body.AddInput("going", onnx.Bool)
		body.AddInput("carried", onnx.Float32)
		body.AddOutput("still", onnx.Bool)
		body.AddOutput("next", onnx.Float32)
		x := n.Inputs[0]
		n.Inputs[0] = x + "_whole"
		return []*onnx.Node{
			node("Loop", "rounds true "+x, x+"_looped", onnx.GraphAttr("body", body)), node("Mul", x+"_looped quadruple", n.Inputs[0]), n,
		}
	})
}

func attention23(t *testing.T, m *onnx.Model) {
	m.Opsets[""], m.IRVersion = 23, 11
	from := producers(m)
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if n.OpType != "MatMul" || from[n.Inputs[0]] == nil || from[n.Inputs[0]].OpType != "Softmax" {
			return nil
		}
		scores := from[from[from[n.Inputs[0]].Inputs[0]].Inputs[0]]
		q, k := scores.Inputs[0], from[scores.Inputs[1]].Inputs[0]
		return []*onnx.Node{node("Attention", q+" "+k+" "+n.Inputs[1], n.Outputs[0])}
	})
}

func multiHead(t *testing.T, m *onnx.Model) {
	m.Opsets["com.microsoft"] = 1
	from := producers(m)
	flat := func(name string) string { // before Reshape and Transpose into heads
		return from[from[name].Inputs[0]].Inputs[0]
	}
	readers := map[string]*onnx.Node{}
	for _, n := range m.Graph.Nodes {
		for _, in := range n.Inputs {
			readers[in] = n
		}
	}
	skip := map[*onnx.Node]bool{}
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if skip[n] {
			return []*onnx.Node{}
		}
		if n.OpType != "MatMul" || from[n.Inputs[0]] == nil || from[n.Inputs[0]].OpType != "Softmax" {
			return nil
		}
		scores := from[from[from[n.Inputs[0]].Inputs[0]].Inputs[0]]
		q, k, v := flat(scores.Inputs[0]), flat(from[scores.Inputs[1]].Inputs[0]), flat(n.Inputs[1])
		back := readers[readers[n.Outputs[0]].Outputs[0]]
		skip[back] = true
		mha := node("MultiHeadAttention", q+" "+k+" "+v, back.Outputs[0], onnx.IntAttr("num_heads", 4))
		mha.Domain = "com.microsoft"
		return []*onnx.Node{mha}
	})
}

// bakedShapes finds the shapes that Shape nodes give for n images: those for one image with n on the batch
// axis, which is the first or, with tokens first, the second.
func bakedShapes(m *onnx.Model, n int) (map[string][]int64, error) {
	g, err := graph.Import(m, graph.ImportOptions{})
	if err != nil {
		return nil, err
	}
	out := map[string][]int64{}
	for _, r := range m.Graph.Nodes {
		if r.OpType != "Shape" {
			continue
		}
		var s []int64
		batch := n
		for i, k := range g.Names[r.Inputs[0]].Shape {
			if k == 1 && i < 2 {
				k, batch = batch, 1
			}
			s = append(s, int64(k))
		}
		out[r.Outputs[0]] = s
	}
	return out, nil
}

func openSize(t *testing.T, m *onnx.Model) {
	m.Graph.Inputs[0].Dims[2], m.Graph.Inputs[0].Dims[3] = onnx.Symbolic("height"), onnx.Symbolic("width")
}
