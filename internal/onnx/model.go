package onnx

import (
	"github.com/plumbline-ml/plumbline/internal/filemap"
	"github.com/plumbline-ml/plumbline/internal/onnx/onnxpb"
)

// Model is an ONNX model. The exported fields may be changed freely; Write and Save write what they say.
type Model struct {
	IRVersion                 int64
	Producer, ProducerVersion string
	Opsets                    map[string]int64 // version by domain; "ai.onnx" is stored as ""
	Graph                     *Graph
	Functions                 []*Function
	Metadata                  map[string]string
	Path                      string // the file it was read from, "" if none

	opsets  []*onnxpb.OperatorSetIdProto     // as read: spelling and order, used while they agree with Opsets
	meta    []*onnxpb.StringStringEntryProto // as read, used while they agree with Metadata
	unknown []byte
	file    *filemap.File // where large tensors lie, or nil
}

// CheckFile reports whether the file that the model was read from was changed in place since. Large tensors lie in the
// file, not in memory, so that it must not be.
func (m *Model) CheckFile() error { return m.file.Check() }

// Graph is a list of nodes with its constants and its interface.
type Graph struct {
	Name            string
	Nodes           []*Node
	Initializers    []*Tensor
	Inputs, Outputs []*ValueInfo
	ValueInfo       []*ValueInfo

	unknown []byte
}

// Initializer returns the initializer of that name, or nil.
func (g *Graph) Initializer(name string) *Tensor {
	for _, t := range g.Initializers {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Node is one application of an operator. An empty input name stands for an omitted optional input.
type Node struct {
	Name, OpType    string
	Domain          string // "ai.onnx" is stored as ""
	Overload        string
	Inputs, Outputs []string
	Attrs           map[string]*Attribute

	order   []string // attribute names in the order of the file
	unknown []byte
}

// ValueInfo is the declared type and shape of a named value.
type ValueInfo struct {
	Name     string
	Type     DType // Undefined when the value is no tensor (a sequence, map or optional) or has no type
	Dims     []Dim
	HasShape bool // false: even the rank is unknown

	read *onnxpb.ValueInfoProto // as read, used while it agrees with the fields above
}

// Dim is one dimension of a declared shape: a number, or a name shared by dimensions that are equal.
type Dim struct {
	Value int64 // -1 when not a number
	Param string
}

// Fixed returns the declared shape whose dimensions are all numbers.
func Fixed(dims ...int) []Dim {
	out := make([]Dim, len(dims))
	for i, d := range dims {
		out[i] = Dim{Value: int64(d)}
	}
	return out
}

// Symbolic returns the dimension that is known by name only.
func Symbolic(param string) Dim { return Dim{Value: -1, Param: param} }

// Function is a model-local operator: calls of (Domain, Name) expand to its nodes.
type Function struct {
	Domain, Name, Overload string
	Inputs, Outputs        []string
	Attributes             []string              // attributes without a default
	AttributeDefaults      map[string]*Attribute // attributes with one
	Nodes                  []*Node
	Opsets                 map[string]int64

	opsets  []*onnxpb.OperatorSetIdProto
	order   []string // default attributes in the order of the file
	unknown []byte
}
