package onnx

// NewModel returns an empty model of the standard operator set at the given version, with the lowest IR
// version that allows it.
func NewModel(graph string, opset int64) *Model {
	return &Model{
		IRVersion: irFor(opset),
		Producer:  "plumbline",
		Opsets:    map[string]int64{"": opset},
		Graph:     &Graph{Name: graph},
	}
}

// irFor returns the IR version that was current when an operator set was released, at least 4, from which on
// initializers need not be inputs.
func irFor(opset int64) int64 {
	releases := []struct{ opset, ir int64 }{{23, 11}, {21, 10}, {19, 9}, {15, 8}, {12, 7}, {11, 6}, {10, 5}}
	for _, r := range releases {
		if opset >= r.opset {
			return r.ir
		}
	}
	return 4
}

// AddNode appends a node of the standard operator set and returns it.
func (g *Graph) AddNode(op string, inputs, outputs []string, attrs ...*Attribute) *Node {
	n := &Node{OpType: op, Inputs: inputs, Outputs: outputs, Attrs: make(map[string]*Attribute, len(attrs))}
	for _, a := range attrs {
		n.Attrs[a.Name] = a
		n.order = append(n.order, a.Name)
	}
	g.Nodes = append(g.Nodes, n)
	return n
}

// AddInitializer appends constants.
func (g *Graph) AddInitializer(ts ...*Tensor) { g.Initializers = append(g.Initializers, ts...) }

// AddInput declares a tensor input.
func (g *Graph) AddInput(name string, d DType, dims ...Dim) {
	g.Inputs = append(g.Inputs, &ValueInfo{Name: name, Type: d, Dims: dims, HasShape: true})
}

// AddOutput declares a tensor output.
func (g *Graph) AddOutput(name string, d DType, dims ...Dim) {
	g.Outputs = append(g.Outputs, &ValueInfo{Name: name, Type: d, Dims: dims, HasShape: true})
}
