package graph_test

import (
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// TestBrokenNodes gives every operator nothing, then arguments of the wrong shape and kind: each must be
// refused with the node's name, and none may panic.
func TestBrokenNodes(t *testing.T) {
	lawful := map[string]bool{"SequenceEmpty": true, "SequenceConstruct": true}
	for _, name := range graph.OperatorNames() {
		t.Run(name, func(t *testing.T) {
			if err := importBroken(name, 0, nil); !lawful[name] && !namesNode(err) {
				t.Errorf("without inputs: %v", err)
			}
			for n := 1; n <= 9; n++ {
				for _, dims := range [][]int{{}, {0}, {3}, {1, 1 << 31}, {2, 0, 3}, {1, 3, 4, 5, 6}} {
					for _, a := range oddAttributes {
						if err := importBroken(name, n, dims, a...); err != nil && !namesNode(err) {
							t.Errorf("%d inputs %v: %v", n, dims, err)
						}
					}
				}
			}
		})
	}
}

var oddAttributes = [][]*onnx.Attribute{
	nil,
	{onnx.IntAttr("axis", 1<<40), onnx.IntAttr("num_heads", -1), onnx.IntAttr("blocksize", 1<<31), onnx.IntsAttr("kernel_shape", -1, 1<<40)},
	{onnx.IntAttr("axis", 0), onnx.IntsAttr("axes", 0, 0, 0), onnx.IntsAttr("perm", 1, 1), onnx.IntsAttr("pads", 1<<62, 1, 1, 1), onnx.IntAttr("num_heads", 1<<40)},
	{onnx.StringAttr("axis", "x"), onnx.StringAttr("equation", "ij,,->...k->"), onnx.IntAttr("group", 0), onnx.IntsAttr("strides", 0)},
	{onnx.IntsAttr("axes", 0), onnx.IntAttr("num_groups", 3), onnx.IntAttr("num_heads", 3), onnx.IntAttr("to", 7)},
	{onnx.StringAttr("equation", "ii"), onnx.IntsAttr("split", 1<<62, 1<<62), onnx.IntAttr("num_groups", 0), onnx.IntAttr("to", 99), onnx.IntAttr("k", -5)},
}

func namesNode(err error) bool { return err != nil && strings.Contains(err.Error(), `"the node"`) }

// importBroken imports one node with n inputs of one shape: the first is computed, the others constant.
func importBroken(name string, n int, dims []int, attrs ...*onnx.Attribute) error {
	m := onnx.NewModel("broken", 21)
	domain, op, found := strings.Cut(name, ":")
	if !found {
		domain, op = "", name
	}
	node := m.Graph.AddNode(op, nil, []string{"a", "b", "c", "d"}, attrs...)
	node.Domain, node.Name = domain, "the node"
	o := graph.ImportOptions{Constants: true}
	for i := range n {
		in := "in" + string(rune('0'+i))
		node.Inputs = append(node.Inputs, in)
		m.Graph.AddInput(in, onnx.Float32, onnx.Fixed(dims...)...)
		s := graph.Source{Name: in, Type: graph.Type{DType: graph.Float32, Shape: dims}}
		if i > 0 && graph.Size(dims) < 1000 {
			s.Const = graph.NewTensor(graph.Float32, dims...)
			for j := range s.Const.F {
				s.Const.F[j] = float32(j*7%5) - 2
			}
		}
		o.Sources = append(o.Sources, s)
	}
	if n == 0 {
		o.Sources = []graph.Source{{Name: "unused", Const: graph.Scalar(0)}}
	}
	m.Graph.AddOutput("a", onnx.Float32)
	g, err := graph.Import(m, o)
	if err != nil {
		return err
	}
	return g.FuseBlocks()
}
