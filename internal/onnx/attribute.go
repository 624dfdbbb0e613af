package onnx

import "fmt"

// AttrKind says which field of an Attribute holds its value, numbered as ONNX's AttributeProto.AttributeType.
type AttrKind int32

// The kinds of attributes. Sparse tensors and type descriptions are carried, not decoded.
const (
	AttrUndefined     AttrKind = 0
	AttrFloat         AttrKind = 1
	AttrInt           AttrKind = 2
	AttrString        AttrKind = 3
	AttrTensor        AttrKind = 4
	AttrGraph         AttrKind = 5
	AttrFloats        AttrKind = 6
	AttrInts          AttrKind = 7
	AttrStrings       AttrKind = 8
	AttrTensors       AttrKind = 9
	AttrGraphs        AttrKind = 10
	AttrSparseTensor  AttrKind = 11
	AttrSparseTensors AttrKind = 12
	AttrType          AttrKind = 13
	AttrTypes         AttrKind = 14
)

var attrKindNames = [...]string{"undefined", "float", "int", "string", "tensor", "graph", "floats", "ints", "strings",
	"tensors", "graphs", "sparse tensor", "sparse tensors", "type", "types"}

// String returns the kind's name, such as "ints".
func (k AttrKind) String() string {
	if k >= 0 && int(k) < len(attrKindNames) {
		return attrKindNames[k]
	}
	return fmt.Sprintf("attribute type %d", int32(k))
}

// Attribute is a named constant argument of a node. Kind says which value field counts. Inside a function
// Ref, if not empty, names the function's attribute that supplies the value instead.
type Attribute struct {
	Name    string
	Kind    AttrKind
	Float   float32
	Int     int64
	Bytes   []byte // the value of a string attribute
	Tensor  *Tensor
	Graph   *Graph
	Floats  []float32
	Ints    []int64
	Strings [][]byte
	Tensors []*Tensor
	Graphs  []*Graph
	Ref     string

	unknown []byte
}

// FloatAttr returns a float attribute.
func FloatAttr(name string, v float32) *Attribute {
	return &Attribute{Name: name, Kind: AttrFloat, Float: v}
}

// IntAttr returns an int attribute.
func IntAttr(name string, v int64) *Attribute { return &Attribute{Name: name, Kind: AttrInt, Int: v} }

// IntsAttr returns an ints attribute.
func IntsAttr(name string, v ...int64) *Attribute {
	return &Attribute{Name: name, Kind: AttrInts, Ints: v}
}

// StringAttr returns a string attribute.
func StringAttr(name, v string) *Attribute {
	return &Attribute{Name: name, Kind: AttrString, Bytes: []byte(v)}
}

// TensorAttr returns a tensor attribute.
func TensorAttr(name string, t *Tensor) *Attribute {
	return &Attribute{Name: name, Kind: AttrTensor, Tensor: t}
}

// GraphAttr returns a graph attribute: the body of If, Loop or Scan.
func GraphAttr(name string, g *Graph) *Attribute {
	return &Attribute{Name: name, Kind: AttrGraph, Graph: g}
}
