// Package onnxgo makes an encoder of a model that github.com/owulveryck/onnx-go has decoded.
//
// It is for those who hold such a model already. Reading the file itself with [encoder.Open] is better
// wherever there is a file, because onnx-go's decoder (v0.5.0) drops what an encoder may need:
//
//   - the operator set and IR version, so that operators whose meaning changed cannot be told apart: state it
//     in [Options];
//   - the domain of operators, so that com.microsoft's look like ONNX's own;
//   - dynamic dimensions, whose place is lost: state the image size;
//   - float16, bfloat16, 8-bit and string tensors, external data, empty tensors, subgraphs (If, Loop) and local
//     functions, which it refuses or ignores;
//   - names of nodes and metadata.
//
// It also allocates what a file declares and panics on some malformed ones, so it must not be given untrusted
// files.
package onnxgo

import (
	"fmt"

	"github.com/owulveryck/onnx-go"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/iterator"
	"gorgonia.org/tensor"
)

// Backend collects a model while onnx-go decodes it: pass it to onnx.NewModel, unmarshal, then call
// [Backend.Encoder]. The zero value is ready.
type Backend struct {
	nodes []*node
	in    map[int64]map[int]int64 // inputs of each node by position
	ops   []operation
}

var _ onnx.Backend = (*Backend)(nil)

// node is one tensor of the model.
type node struct {
	id    int64
	name  string
	value tensor.Tensor
}

// operation gives the tensors outs.
type operation struct {
	onnx.Operation
	outs []int64
}

// ID implements graph.Node.
func (n *node) ID() int64 { return n.id }

// SetName implements onnx.Namer.
func (n *node) SetName(s string) { n.name = s }

// GetName implements onnx.Namer.
func (n *node) GetName() string { return n.name }

// SetTensor implements onnx.DataCarrier.
func (n *node) SetTensor(t tensor.Tensor) error {
	n.value = t
	return nil
}

// GetTensor implements onnx.DataCarrier.
func (n *node) GetTensor() tensor.Tensor { return n.value }

// ApplyOperation implements onnx.OperationCarrier.
func (b *Backend) ApplyOperation(op onnx.Operation, outs ...graph.Node) error {
	o := operation{Operation: op}
	for _, n := range outs {
		o.outs = append(o.outs, n.ID())
	}
	if len(o.outs) == 0 {
		return fmt.Errorf("onnxgo: operation %s has no result", op.Name)
	}
	b.ops = append(b.ops, o)
	return nil
}

// NewNode implements graph.NodeAdder.
func (b *Backend) NewNode() graph.Node { return &node{id: int64(len(b.nodes))} }

// AddNode implements graph.NodeAdder.
func (b *Backend) AddNode(n graph.Node) { b.nodes = append(b.nodes, n.(*node)) }

// Node implements graph.Graph.
func (b *Backend) Node(id int64) graph.Node {
	if id < 0 || id >= int64(len(b.nodes)) {
		return nil
	}
	return b.nodes[id]
}

type edge struct {
	from, to graph.Node
	w        float64
}

// From, To, Weight and ReversedEdge implement graph.WeightedEdge.
func (e edge) From() graph.Node         { return e.from }
func (e edge) To() graph.Node           { return e.to }
func (e edge) Weight() float64          { return e.w }
func (e edge) ReversedEdge() graph.Edge { return edge{e.to, e.from, e.w} }

// NewWeightedEdge implements graph.WeightedEdgeAdder.
func (b *Backend) NewWeightedEdge(from, to graph.Node, w float64) graph.WeightedEdge {
	return edge{from, to, w}
}

// SetWeightedEdge notes that To is the input of From at the position that the weight says.
func (b *Backend) SetWeightedEdge(e graph.WeightedEdge) {
	if b.in == nil {
		b.in = map[int64]map[int]int64{}
	}
	id := e.From().ID()
	if b.in[id] == nil {
		b.in[id] = map[int]int64{}
	}
	b.in[id][int(e.Weight())] = e.To().ID()
}

// Nodes implements graph.Graph.
func (b *Backend) Nodes() graph.Nodes {
	var list []graph.Node
	for _, n := range b.nodes {
		list = append(list, n)
	}
	return iterator.NewOrderedNodes(list)
}

// From lists the inputs of a node.
func (b *Backend) From(id int64) graph.Nodes {
	var list []graph.Node
	for _, in := range b.in[id] {
		list = append(list, b.nodes[in])
	}
	return iterator.NewOrderedNodes(list)
}

// To lists what reads a node.
func (b *Backend) To(id int64) graph.Nodes {
	var list []graph.Node
	for _, n := range b.nodes {
		if b.HasEdgeFromTo(n.id, id) {
			list = append(list, n)
		}
	}
	return iterator.NewOrderedNodes(list)
}

// HasEdgeFromTo implements graph.Directed.
func (b *Backend) HasEdgeFromTo(u, v int64) bool {
	for _, in := range b.in[u] {
		if in == v {
			return true
		}
	}
	return false
}

// HasEdgeBetween implements graph.Graph.
func (b *Backend) HasEdgeBetween(x, y int64) bool {
	return b.HasEdgeFromTo(x, y) || b.HasEdgeFromTo(y, x)
}

// Edge implements graph.Graph.
func (b *Backend) Edge(u, v int64) graph.Edge {
	if !b.HasEdgeFromTo(u, v) {
		return nil
	}
	return edge{from: b.nodes[u], to: b.nodes[v]}
}
