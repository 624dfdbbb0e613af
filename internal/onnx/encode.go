package onnx

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/plumbline-ml/plumbline/internal/onnx/onnxpb"
)

// This file turns the plain structs back into generated messages. Tensor data is shared, not copied.

// optional leaves the zero value of a field out.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// withUnknown gives m the fields that were read but not understood.
func withUnknown[M proto.Message](m M, unknown []byte) M {
	m.ProtoReflect().SetUnknown(protoreflect.RawFields(unknown))
	return m
}

func (n *Node) encode() (*onnxpb.NodeProto, error) {
	pb := &onnxpb.NodeProto{
		Input: n.Inputs, Output: n.Outputs, Name: optional(n.Name), OpType: optional(n.OpType),
		Domain: optional(n.Domain), Overload: optional(n.Overload),
	}
	var err error
	pb.Attribute, err = encodeAttributes(n.Attrs, n.order)
	return withUnknown(pb, n.unknown), wrapf(err, "node %s", n)
}

// encodeAttributes writes attributes in the order of the file, new ones after them by name.
func encodeAttributes(attrs map[string]*Attribute, order []string) ([]*onnxpb.AttributeProto, error) {
	names := make([]string, 0, len(attrs))
	seen := make(map[string]bool, len(attrs))
	for _, name := range slices.Concat(order, slices.Sorted(maps.Keys(attrs))) {
		if attrs[name] != nil && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	out := make([]*onnxpb.AttributeProto, len(names))
	for i, name := range names {
		pb, err := attrs[name].encode()
		if err != nil {
			return nil, wrapf(err, "attribute %.100q", name)
		}
		pb.Name = optional(name)
		out[i] = pb
	}
	return out, nil
}

func (a *Attribute) encode() (pb *onnxpb.AttributeProto, err error) {
	pb = &onnxpb.AttributeProto{Type: proto.Int32(int32(a.Kind)), RefAttrName: optional(a.Ref)}
	withUnknown(pb, a.unknown)
	if a.Ref != "" {
		return pb, nil
	}
	switch a.Kind {
	case AttrFloat:
		pb.F = &a.Float
	case AttrInt:
		pb.I = &a.Int
	case AttrString:
		pb.S = append([]byte{}, a.Bytes...)
	case AttrTensor:
		pb.T, err = encodeOne(a.Tensor, (*Tensor).encodeWhole)
	case AttrGraph:
		pb.G, err = encodeOne(a.Graph, (*Graph).encode)
	case AttrFloats:
		pb.Floats = a.Floats
	case AttrInts:
		pb.Ints = a.Ints
	case AttrStrings:
		pb.Strings = a.Strings
	case AttrTensors:
		pb.Tensors, err = encodeAll(a.Tensors, (*Tensor).encodeWhole)
	case AttrGraphs:
		pb.Graphs, err = encodeAll(a.Graphs, (*Graph).encode)
	}
	return pb, err
}

// encodeAll encodes each element of a list.
func encodeAll[S, M any](list []*S, encode func(*S) (M, error)) ([]M, error) {
	out := make([]M, len(list))
	for i, s := range list {
		m, err := encodeOne(s, encode)
		if err != nil {
			return nil, err
		}
		out[i] = m
	}
	return out, nil
}

func encodeOne[S, M any](s *S, encode func(*S) (M, error)) (m M, err error) {
	if s == nil {
		return m, fmt.Errorf("%T is nil", s)
	}
	return encode(s)
}

// encodeHead returns everything of t but its raw data, which is returned beside it.
func (t *Tensor) encodeHead() (*onnxpb.TensorProto, []byte, error) {
	pb := &onnxpb.TensorProto{DataType: proto.Int32(int32(t.Type)), Name: optional(t.Name)}
	for _, d := range t.Dims {
		pb.Dims = append(pb.Dims, int64(d))
	}
	withUnknown(pb, t.unknown)
	if t.Type == String && !t.released {
		pb.StringData = t.strings
		return pb, nil, nil
	}
	raw, err := t.Bytes()
	return pb, raw, err
}

func (t *Tensor) encodeWhole() (*onnxpb.TensorProto, error) {
	pb, raw, err := t.encodeHead()
	if t.Type != String {
		pb.RawData = raw
	}
	return pb, err
}

// encode is for subgraphs; the main graph is streamed.
func (g *Graph) encode() (pb *onnxpb.GraphProto, err error) {
	pb = g.encodeTail()
	pb.Name = optional(g.Name)
	if pb.Node, err = encodeAll(g.Nodes, (*Node).encode); err != nil {
		return nil, err
	}
	pb.Initializer, err = encodeAll(g.Initializers, (*Tensor).encodeWhole)
	return pb, err
}

// encodeTail returns what follows the initializers.
func (g *Graph) encodeTail() *onnxpb.GraphProto {
	return withUnknown(&onnxpb.GraphProto{
		Input: encodeValues(g.Inputs), Output: encodeValues(g.Outputs), ValueInfo: encodeValues(g.ValueInfo),
	}, g.unknown)
}

func encodeValues(list []*ValueInfo) []*onnxpb.ValueInfoProto {
	out := make([]*onnxpb.ValueInfoProto, len(list))
	for i, v := range list {
		out[i] = v.encode()
	}
	return out
}

func (v *ValueInfo) encode() *onnxpb.ValueInfoProto {
	pb := &onnxpb.ValueInfoProto{Name: optional(v.Name)}
	if v.read != nil {
		if was, err := newValueInfo(v.read); err == nil && was.equal(v) {
			return v.read
		}
		withUnknown(pb, v.read.ProtoReflect().GetUnknown())
	}
	if v.Type == Undefined {
		return pb
	}
	tt := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(v.Type))}
	if v.HasShape {
		tt.Shape = new(onnxpb.TensorShapeProto)
		for _, d := range v.Dims {
			tt.Shape.Dim = append(tt.Shape.Dim, d.encode())
		}
	}
	pb.Type = &onnxpb.TypeProto{TensorType: tt}
	return pb
}

func (d Dim) encode() *onnxpb.TensorShapeProto_Dimension {
	if d.Value >= 0 {
		return &onnxpb.TensorShapeProto_Dimension{DimValue: &d.Value}
	}
	return &onnxpb.TensorShapeProto_Dimension{DimParam: optional(d.Param)}
}

func (v *ValueInfo) equal(w *ValueInfo) bool {
	return v.Name == w.Name && v.Type == w.Type && v.HasShape == w.HasShape && slices.Equal(v.Dims, w.Dims)
}

func (f *Function) encode() (pb *onnxpb.FunctionProto, err error) {
	pb = &onnxpb.FunctionProto{
		Name: optional(f.Name), Domain: optional(f.Domain), Overload: optional(f.Overload),
		Input: f.Inputs, Output: f.Outputs, Attribute: f.Attributes, OpsetImport: encodeOpsets(f.Opsets, f.opsets),
	}
	withUnknown(pb, f.unknown)
	if pb.Node, err = encodeAll(f.Nodes, (*Node).encode); err != nil {
		return nil, wrapf(err, "function %.100q", f.name())
	}
	pb.AttributeProto, err = encodeAttributes(f.AttributeDefaults, f.order)
	return pb, wrapf(err, "function %.100q", f.name())
}

// encodeOpsets keeps the list that was read while it says the same as m.
func encodeOpsets(m map[string]int64, read []*onnxpb.OperatorSetIdProto) []*onnxpb.OperatorSetIdProto {
	if was, err := opsetMap(read); err == nil && maps.Equal(was, m) {
		return read
	}
	var out []*onnxpb.OperatorSetIdProto
	for _, d := range slices.Sorted(maps.Keys(m)) {
		out = append(out, &onnxpb.OperatorSetIdProto{Domain: proto.String(d), Version: proto.Int64(m[d])})
	}
	return out
}

// encodeMeta keeps the list that was read while it says the same as m.
func encodeMeta(m map[string]string, read []*onnxpb.StringStringEntryProto) []*onnxpb.StringStringEntryProto {
	if maps.Equal(metaMap(read), m) {
		return read
	}
	var out []*onnxpb.StringStringEntryProto
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, &onnxpb.StringStringEntryProto{Key: proto.String(k), Value: proto.String(m[k])})
	}
	return out
}
