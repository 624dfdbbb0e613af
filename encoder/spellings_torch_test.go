package encoder

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// What torch.onnx.export(dynamo=True) and torch.export write, after the decompositions of onnxscript's torch library.

// newer brings a model to operator set 18 or later: reductions take their axes as an input, as do Squeeze and Unsqueeze.
func newer(t *testing.T, m *onnx.Model, opset int64) {
	old := m.Opsets[""]
	m.Opsets[""], m.IRVersion = opset, 10
	moved := map[string]bool{"ReduceMean": true, "ReduceMax": true, "ReduceMin": true, "ReduceL2": true, "ReduceProd": true}
	if old < 13 {
		for _, op := range []string{"ReduceSum", "Squeeze", "Unsqueeze"} {
			moved[op] = true
		}
	}
	for i, n := range m.Graph.Nodes {
		move := func(attr string) {
			if a := n.Attrs[attr]; a != nil {
				name := fmt.Sprint(attr, " of ", i)
				addInts(t, m, name, []int{len(a.Ints)}, a.Ints...)
				delete(n.Attrs, attr)
				n.Inputs = append(n.Inputs, name)
			}
		}
		if moved[n.OpType] {
			move("axes")
		}
		if n.OpType == "Split" && old < 13 {
			move("split")
		}
		if n.OpType == "Split" && len(n.Inputs) == 1 {
			setAttr(n, onnx.IntAttr("num_outputs", int64(len(n.Outputs))))
		}
	}
}

// exported rewrites nodes as the torch library of onnxscript decomposes what they come from.
func exported(t *testing.T, m *onnx.Model) {
	newer(t, m, 18)
	addInts(t, m, "int64_m1_1d", []int{1}, -1)
	addInts(t, m, "int64_m2_1d", []int{1}, -2)
	addInts(t, m, "int64_last_1d", []int{1}, math.MaxInt64)
	addInts(t, m, "int64_0_1d", []int{1}, 0)
	addFloats(t, m, "zero", nil, 0)
	from := producers(m)
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		y := n.Outputs[0]
		switch {
		case n.OpType == "Transpose" && slices.Equal(n.Attrs["perm"].Ints, []int64{0, 1, 3, 2}):
			return swapByReshape(n.Inputs[0], y)
		case n.OpType == "Reshape":
			if c := m.Tensor(n.Inputs[1]); c != nil && hasZero(c) {
				return nil
			}
			cast := node("Cast", "", "", onnx.IntAttr("to", int64(onnx.Int64)))
			cast.Inputs, cast.Outputs = []string{n.Inputs[1]}, []string{y + "_size"}
			n.Inputs[1] = y + "_size"
			setAttr(n, onnx.IntAttr("allowzero", 1))
			return []*onnx.Node{cast, n}
		case n.OpType == "Expand":
			abs := node("Abs", "", "")
			abs.Inputs, abs.Outputs = []string{n.Inputs[1]}, []string{y + "_abs"}
			n.Inputs[1] = y + "_abs"
			return []*onnx.Node{abs, n}
		case n.OpType == "Softmax":
			n.Outputs[0] = y + "_raw"
			return []*onnx.Node{n, wired("IsNaN", []string{y + "_raw"}, y+"_nan"), wired("Where", []string{y + "_nan", "zero", y + "_raw"}, y)}
		case n.OpType == "Gather" && from[n.Inputs[0]] != nil && from[n.Inputs[0]].OpType == "Shape":
			c := m.Tensor(n.Inputs[1])
			if c == nil || len(c.Dims) != 0 {
				return nil
			}
			at, err := c.Int64s()
			if err != nil {
				t.Fatal(err)
			}
			dim := wired("Shape", from[n.Inputs[0]].Inputs, y+"_dim")
			setAttr(dim, onnx.IntAttr("start", at[0]))
			if at[0] != -1 {
				setAttr(dim, onnx.IntAttr("end", at[0]+1))
			}
			return []*onnx.Node{dim, wired("Squeeze", []string{y + "_dim", "int64_0_1d"}, y)}
		}
		return nil
	})
}

func setAttr(n *onnx.Node, a *onnx.Attribute) {
	if n.Attrs == nil {
		n.Attrs = map[string]*onnx.Attribute{}
	}
	n.Attrs[a.Name] = a
}

func wired(op string, in []string, out ...string) *onnx.Node {
	n := node(op, "", "")
	n.Inputs, n.Outputs = in, out
	return n
}

func hasZero(c *onnx.Tensor) bool {
	v, err := c.Int64s()
	return err != nil || slices.Contains(v, 0)
}

// swapByReshape exchanges the last two axes of [B,H,T,d] as aten_scaled_dot_product_attention does.
func swapByReshape(x, y string) []*onnx.Node {
	name := func(part string) string { return y + "_" + part }
	flat := wired("Transpose", []string{name("squeezed")}, name("turned"))
	setAttr(flat, onnx.IntsAttr("perm", 0, 2, 1))
	join := func(out string, in ...string) *onnx.Node {
		n := wired("Concat", in, out)
		setAttr(n, onnx.IntAttr("axis", 0))
		return n
	}
	return []*onnx.Node{
		wired("Shape", []string{x}, name("shape")),
		wired("Slice", []string{name("shape"), "int64_m1_1d", "int64_last_1d"}, name("last")),
		wired("Slice", []string{name("shape"), "int64_m2_1d", "int64_m1_1d"}, name("second")),
		wired("Slice", []string{name("shape"), "int64_0_1d", "int64_m2_1d"}, name("first")),
		join(name("to"), "int64_m1_1d", name("second"), name("last")),
		wired("Reshape", []string{x, name("to")}, name("squeezed")),
		flat,
		join(name("back"), name("first"), name("last"), name("second")),
		wired("Reshape", []string{name("turned"), name("back")}, y),
	}
}

// turned is a matrix's transpose.
func turned(t *testing.T, w *onnx.Tensor) []float32 {
	t.Helper()
	v, err := w.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	rows, cols := w.Dims[0], w.Dims[1]
	out := make([]float32, len(v))
	for i := range rows {
		for j := range cols {
			out[j*rows+i] = v[i*cols+j]
		}
	}
	return out
}

// storedTurned stores the matrices of linear layers as torch does and turns them where they are used.
func storedTurned(t *testing.T, m *onnx.Model) {
	newer(t, m, 18)
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if n.OpType != "MatMul" {
			return nil
		}
		w := m.Tensor(n.Inputs[1])
		if w == nil || len(w.Dims) != 2 {
			return nil
		}
		name := n.Outputs[0] + ".weight"
		addFloats(t, m, name, []int{w.Dims[1], w.Dims[0]}, turned(t, w)...)
		turn := wired("Transpose", []string{name}, n.Outputs[0]+"_w")
		setAttr(turn, onnx.IntsAttr("perm", 1, 0))
		n.Inputs[1] = n.Outputs[0] + "_w"
		return []*onnx.Node{turn, n}
	})
}

// inFunctions wraps every operator of these kinds in a function of its own, that in another, with attributes handed on,
// and a branch on the rank as the torch library has for scalars.
func inFunctions(t *testing.T, m *onnx.Model) {
	newer(t, m, 18)
	m.Opsets["pkg.onnxscript.torch_lib"], m.Opsets["pkg.torch.nn"] = 1, 1
	kinds := map[string]int{"LayerNormalization": 3, "Softmax": 1, "Erf": 1, "Sigmoid": 1, "MatMul": 2, "Tanh": 1}
	for op, n := range kinds {
		addFunctions(t, m, op, n)
	}
	for _, n := range m.Graph.Nodes {
		if want, ok := kinds[n.OpType]; ok && len(n.Inputs) == want && n.Domain == "" {
			n.OpType, n.Domain = "Outer"+n.OpType, "pkg.torch.nn"
		}
	}
}

// addFunctions adds Outer<op>, which calls aten_<op>, which calls op.
func addFunctions(t *testing.T, m *onnx.Model, op string, n int) {
	attrs := map[string][]*onnx.Attribute{
		"LayerNormalization": {onnx.IntAttr("axis", -1), onnx.FloatAttr("epsilon", 1e-5)}, "Softmax": {onnx.IntAttr("axis", -1)},
	}[op]
	refs := map[string]*onnx.Attribute{}
	defaults := map[string]*onnx.Attribute{}
	for _, a := range attrs {
		refs[a.Name] = &onnx.Attribute{Name: a.Name, Kind: a.Kind, Ref: a.Name}
		defaults[a.Name] = a
	}
	var in []string
	for i := range n {
		in = append(in, fmt.Sprint("x", i))
	}
	call := func(kind, domain string, out string) *onnx.Node {
		c := wired(kind, in, out)
		c.Domain = domain
		for _, r := range refs {
			setAttr(c, r)
		}
		return c
	}
	branch := func(n *onnx.Node) *onnx.Graph {
		g := &onnx.Graph{Name: n.OpType, Nodes: []*onnx.Node{n}}
		g.AddOutput(n.Outputs[0], onnx.Float32)
		return g
	}
	zero, err := onnx.NewInt64("", nil, []int64{0})
	if err != nil {
		t.Fatal(err)
	}
	choose := wired("If", []string{"scalar"}, "y")
	setAttr(choose, onnx.GraphAttr("then_branch", branch(wired("Identity", in[:1], "same"))))
	setAttr(choose, onnx.GraphAttr("else_branch", branch(call(op, "", "result"))))
	constant := wired("Constant", nil, "zero")
	setAttr(constant, onnx.TensorAttr("value", zero))
	inner := &onnx.Function{
		Domain: "pkg.onnxscript.torch_lib", Name: "aten_" + op, Inputs: in, Outputs: []string{"y"}, Opsets: map[string]int64{"": 18}, AttributeDefaults: defaults,
		Nodes: []*onnx.Node{
			wired("Shape", in[:1], "shape"), wired("Size", []string{"shape"}, "rank"), constant, wired("Equal", []string{"rank", "zero"}, "scalar"), choose,
		},
	}
	outer := &onnx.Function{
		Domain: "pkg.torch.nn", Name: "Outer" + op, Inputs: in, Outputs: []string{"y"}, Opsets: map[string]int64{"": 18, "pkg.onnxscript.torch_lib": 1},
		AttributeDefaults: defaults, Nodes: []*onnx.Node{call("aten_"+op, "pkg.onnxscript.torch_lib", "y")},
	}
	m.Functions = append(m.Functions, outer, inner)
}
