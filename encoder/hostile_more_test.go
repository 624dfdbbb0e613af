package encoder

import (
	"fmt"
	"math"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// nonsense are nodes whose arguments contradict each other or lead to arrays of nothing, of no number, or beyond bounds.
func nonsense(t *testing.T) (list []hostileFile) {
	type ints = map[string][]int64
	add := func(name string, consts ints, nodes ...*onnx.Node) {
		list = append(list, hostileFile{name: name, culprit: "bomb", model: with(t, consts, nodes...)})
	}
	number := func(v float32) *onnx.Node {
		return node("Constant", "", "v", &onnx.Attribute{Name: "value_float", Kind: onnx.AttrFloat, Float: v})
	}
	floats := func(v ...float32) *onnx.Node {
		return node("Constant", "", "v", &onnx.Attribute{Name: "value_floats", Kind: onnx.AttrFloats, Floats: v})
	}
	resize := func() *onnx.Node {
		return &onnx.Node{OpType: "Resize", Inputs: []string{"pixels", "", "v"}, Outputs: []string{"out"}}
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, s := range []float32{nan, inf, -2, 0, 1e30, 1e-30} {
		add(fmt.Sprintf("Resize by %g", s), nil, floats(1, 1, s, s), resize())
	}
	for _, s := range []float32{nan, inf, -inf, 1e-30, -1e-30} {
		add(fmt.Sprintf("Range in steps of %g", s), nil, number(s), node("Constant", "", "a", &onnx.Attribute{Name: "value_float", Kind: onnx.AttrFloat}),
			node("Constant", "", "b", &onnx.Attribute{Name: "value_float", Kind: onnx.AttrFloat, Float: 1 - 2*float32(math.Float32bits(s)>>31)}), node("Range", "a b v", "out"))
	}
	add("Tile a negative number of times", ints{"n": {-1, 1, 1, 1}}, node("Tile", "pixels n", "out"))
	add("Expand to a negative length", ints{"n": {-7, 3, 16, 16}}, node("Expand", "pixels n", "out"))
	add("OneHot of negative depth", ints{"n": {1}, "s_d": {-4}, "v": {0, 1}}, node("OneHot", "n s_d v", "out"))
	add("Transpose onto one axis", nil, node("Transpose", "pixels", "out", onnx.IntsAttr("perm", 0, 1, 2, 2)))
	add("Transpose of too many axes", nil, node("Transpose", "pixels", "out", onnx.IntsAttr("perm", 0, 1, 2, 3, 4)))
	add("Concat of unequal shapes", nil, node("Concat", "pixels map", "out", onnx.IntAttr("axis", 1)))
	add("Concat far outside", nil, node("Concat", "pixels pixels", "out", onnx.IntAttr("axis", 1<<40)))
	add("Gemm of an image", nil, node("Gemm", "pixels weight", "out"))
	add("MatMul of unequal lengths", nil, node("MatMul", "pixels weight", "out"))
	add("MatMul of a scalar", ints{"s_x": {3}}, node("MatMul", "pixels s_x", "out"))
	add("Cast to text", nil, node("Cast", "pixels", "out", onnx.IntAttr("to", 8)))
	add("Cast to nothing", nil, node("Cast", "pixels", "out", onnx.IntAttr("to", 1<<40)))
	add("Split with a rest", ints{"n": {1, 1}}, node("Split", "pixels n", "out rest", onnx.IntAttr("axis", 1)))
	add("Split into negative pieces", ints{"n": {-1, 4}}, node("Split", "pixels n", "out rest", onnx.IntAttr("axis", 1)))
	add("Slice without step", ints{"a": {0}, "b": {9}, "x": {2}, "n": {0}}, node("Slice", "pixels a b x n", "out"))
	add("Slice of one axis twice", ints{"a": {0, 0}, "b": {9}, "x": {2}}, node("Slice", "pixels a b x", "out"))
	add("Squeeze of a long axis", ints{"n": {2}}, node("Squeeze", "pixels n", "out"))
	add("Pad away everything", ints{"n": {0, 0, -16, -16, 0, 0, -16, -16}}, node("Pad", "pixels n", "gone"), node("Reshape", "gone flat", "out"))
	add("Pad of too few axes", ints{"n": {1, 1}}, node("Pad", "pixels n", "out"))
	add("Einsum of unknown letters", nil, node("Einsum", "pixels", "out", onnx.StringAttr("equation", "abcd->abcde")))
	add("Einsum of too few operands", nil, node("Einsum", "pixels", "out", onnx.StringAttr("equation", "abcd,abcd->a")))
	add("Conv in too many groups", nil, node("Conv", "pixels kernel", "out", onnx.IntAttr("group", 1<<40)))
	add("Conv in negative groups", nil, node("Conv", "pixels kernel", "out", onnx.IntAttr("group", -1)))
	add("Conv of a large window", nil, node("Conv", "pixels kernel", "out", onnx.IntsAttr("kernel_shape", 1<<31, 1<<31)))
	add("MaxPool of a large window", nil, node("MaxPool", "pixels", "out", onnx.IntsAttr("kernel_shape", 1<<40, 1<<40)))
	add("LayerNormalization of unequal lengths", nil, node("LayerNormalization", "pixels weight", "out"))
	add("LayerNormalization far outside", nil, node("LayerNormalization", "pixels weight", "out", onnx.IntAttr("axis", -1<<40)))
	add("an Attention of 2^40 heads", nil, ms("Attention", "tokens weight", onnx.IntAttr("num_heads", 1<<40)))
	add("a MultiHeadAttention of 3 heads", nil, ms("MultiHeadAttention", "tokens tokens tokens", onnx.IntAttr("num_heads", 3)))
	add("a GroupNorm of 2^40 groups", nil, ms("GroupNorm", "pixels weight weight", onnx.IntAttr("groups", 1<<40)))
	add("MatMulNBits of 2^62 weights", ints{"n": {1}}, ms("MatMulNBits", "tokens n weight", onnx.IntAttr("K", 1<<31), onnx.IntAttr("N", 1<<31), onnx.IntAttr("block_size", 16)))
	add("MatMulNBits of no weights", ints{"n": {1}}, ms("MatMulNBits", "tokens n weight", onnx.IntAttr("K", 0), onnx.IntAttr("N", 8), onnx.IntAttr("block_size", 16)))
	add("DequantizeLinear in blocks of 2^62", nil, node("DequantizeLinear", "tokens weight", "out", onnx.IntAttr("block_size", 1<<62)))
	add("DequantizeLinear in blocks of -1", nil, node("DequantizeLinear", "tokens weight", "out", onnx.IntAttr("block_size", -1)))
	add("SplitToSequence into endless pieces", ints{"n": {1 << 40}, "s_one": {1}}, node("ConstantOfShape", "n", "long"), node("SplitToSequence", "long s_one", "list"), node("SequenceAt", "list s_one", "out"))
	add("a sequence taken for a tensor", nil, node("SequenceConstruct", "pixels pixels", "list"), node("Relu", "list", "out"))
	add("SequenceAt far outside", ints{"s_at": {1 << 40}}, node("SequenceConstruct", "pixels", "list"), node("SequenceAt", "list s_at", "out"))
	add("a branch on the image", nil, node("ReduceMax", "pixels", "high", onnx.IntAttr("keepdims", 0)), node("Cast", "high", "yes", onnx.IntAttr("to", 9)),
		node("If", "yes", "out", onnx.GraphAttr("then_branch", passOn()), onnx.GraphAttr("else_branch", passOn())))
	add("a branch that is missing", ints{"cond": {1}}, node("If", "cond", "out", onnx.GraphAttr("else_branch", passOn())))
	add("a branch without results", ints{"cond": {1}}, node("If", "cond", "out", onnx.GraphAttr("then_branch", &onnx.Graph{}), onnx.GraphAttr("else_branch", passOn())))
	return append(list, towersOfBodies(t)...)
}

func ms(op, in string, attrs ...*onnx.Attribute) *onnx.Node {
	n := node(op, in, "out", attrs...)
	n.Domain = "com.microsoft"
	return n
}

// passOn is a body that gives the image back.
func passOn() *onnx.Graph {
	g := &onnx.Graph{Name: "small", Nodes: []*onnx.Node{node("Identity", "pixels", "b")}}
	g.AddOutput("b", onnx.Float32)
	return g
}

// towersOfBodies nest branches, loops and functions in each other, and repeat names.
func towersOfBodies(t *testing.T) (list []hostileFile) {
	type ints = map[string][]int64
	deep := passOn()
	for range 40 {
		g := &onnx.Graph{Name: "deep", Nodes: []*onnx.Node{node("If", "cond", "b", onnx.GraphAttr("then_branch", deep), onnx.GraphAttr("else_branch", passOn()))}}
		g.AddOutput("b", onnx.Float32)
		deep = g
	}
	list = append(list, hostileFile{name: "40 branches in each other", culprit: "bomb", model: with(t, ints{"cond": {1}}, node("If", "cond", "out", onnx.GraphAttr("then_branch", deep), onnx.GraphAttr("else_branch", passOn())))})

	call := node("Self", "x c", "b")
	call.Domain = "f"
	inner := &onnx.Graph{Name: "inner", Nodes: []*onnx.Node{call}}
	inner.AddOutput("b", onnx.Float32)
	first := node("Self", "pixels cond", "out")
	first.Domain = "f"
	m := with(t, ints{"cond": {1}}, first)
	m.Functions = []*onnx.Function{{Domain: "f", Name: "Self", Inputs: []string{"x", "c"}, Outputs: []string{"b"}, Opsets: map[string]int64{"": 17, "f": 1},
		Nodes: []*onnx.Node{node("If", "c", "b", onnx.GraphAttr("then_branch", inner), onnx.GraphAttr("else_branch", inner))}}}
	m.Opsets["f"] = 1
	list = append(list, hostileFile{name: "a function that calls itself in a branch", culprit: "Self", model: m})

	grow := func(name string, nodes ...*onnx.Node) { // a loop that collects what its body makes
		b := &onnx.Graph{Name: "body", Nodes: append(nodes, node("Identity", "go_", "go_on"))}
		b.AddInput("i", onnx.Int64)
		b.AddInput("go_", onnx.Bool)
		b.AddOutput("go_on", onnx.Bool)
		b.AddOutput("w", onnx.Float32)
		list = append(list, hostileFile{name: name, culprit: "node", model: with(t, ints{"s_n": {4000}, "cond": {1}, "long": {1 << 20}}, node("Loop", "s_n cond", "out", onnx.GraphAttr("body", b)))})
	}
	grow("a Loop that collects 4 Gi numbers", node("ConstantOfShape", "long", "w"))
	grow("a Loop that collects 4 Gi copies of the image", node("Expand", "pixels many", "w"), node("Constant", "", "many", onnx.IntsAttr("value_ints", 1<<10, 3, 16, 16)))

	dead := make([]*onnx.Node, 0, 5000)
	for i := range 5000 {
		dead = append(dead, node("Relu", "x", fmt.Sprint("dead", i)))
	}
	dead = append(dead, node("Relu", "x", "b"), node("LeakyRelu", "x", "dead", &onnx.Attribute{Name: "alpha", Kind: onnx.AttrFloat, Ref: "slope"}))
	body := &onnx.Graph{Name: "mostly dead", Nodes: dead}
	body.AddOutput("b", onnx.Float32)
	m = with(t, ints{"s_n": {4000}, "cond": {1}})
	m.Functions = []*onnx.Function{{Domain: "f", Name: "Dead", Inputs: []string{"x", "c"}, Outputs: []string{"b"}, Opsets: map[string]int64{"": 17},
		Nodes: []*onnx.Node{node("If", "c", "b", onnx.GraphAttr("then_branch", body), onnx.GraphAttr("else_branch", body))}}}
	m.Opsets["f"] = 1
	x := "pixels"
	for i := range 10000 {
		n := node("Dead", x+" cond", fmt.Sprint("alive", i))
		n.Domain, n.Name = "f", "bomb"
		m.Graph.Nodes = append(m.Graph.Nodes, n)
		x = n.Outputs[0]
	}
	m.Graph.Nodes[len(victim(t).Graph.Nodes)].Inputs[0] = x
	list = append(list, hostileFile{name: "10000 calls of a body of 5000 dead nodes", culprit: "entered too often", model: m})

	twice := func(name, culprit string, f func(m *onnx.Model)) {
		m := victim(t)
		f(m)
		list = append(list, hostileFile{name: name, culprit: culprit, model: m})
	}
	twice("a constant named as a result", "hidden", func(m *onnx.Model) { addFloats(t, m, "hidden", []int{8, 8}, 1) })
	twice("a result named as the image", "pixels", func(m *onnx.Model) { m.Graph.Nodes[0].Outputs = []string{"map", "pixels"} })
	twice("two inputs of one name", "pixels", func(m *onnx.Model) { m.Graph.Inputs = append(m.Graph.Inputs, m.Graph.Inputs[0]) })
	twice("weights of text", "weight", func(m *onnx.Model) {
		for _, c := range m.Graph.Initializers {
			if c.Name == "weight" {
				c.Type = onnx.String
			}
		}
	})
	return list
}
