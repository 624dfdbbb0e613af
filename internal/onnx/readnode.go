package onnx

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/plumbline-ml/plumbline/internal/onnx/onnxpb"
)

// node reads a NodeProto of a graph at the given depth.
func (r *reader) node(sp span, depth int) (*Node, error) {
	n := &Node{Attrs: make(map[string]*Attribute)}
	if err := r.used.useNode(); err != nil {
		return n, err
	}
	pb := new(onnxpb.NodeProto)
	err := r.message(sp, pb, func(f field) (bool, error) {
		if !isMessage(f, 5) {
			return false, nil
		}
		return true, r.attributeInto(f.span, depth, n.Attrs, &n.order)
	})
	n.Name, n.OpType, n.Domain, n.Overload = pb.GetName(), pb.GetOpType(), domain(pb.GetDomain()), pb.GetOverload()
	n.Inputs, n.Outputs = pb.Input, pb.Output
	n.unknown = pb.ProtoReflect().GetUnknown()
	if err == nil && n.OpType == "" {
		err = errors.New("has no op_type")
	}
	return n, err
}

// String names the node in errors: its name, or its first output where it has none, and its operator.
func (n *Node) String() string {
	op := n.OpType
	if n.Domain != "" {
		op = n.Domain + "." + op
	}
	name := n.Name
	if name == "" && len(n.Outputs) > 0 {
		name = n.Outputs[0]
	}
	return fmt.Sprintf("%.100q (%.100s)", name, op)
}

// attributeInto reads an AttributeProto and stores it under its name.
func (r *reader) attributeInto(sp span, depth int, m map[string]*Attribute, order *[]string) error {
	a, err := r.attribute(sp, depth)
	if err == nil && a.Name == "" {
		err = errors.New("has no name")
	}
	if _, ok := m[a.Name]; ok && err == nil {
		err = errors.New("appears twice")
	}
	if err != nil {
		return fmt.Errorf("attribute %.100q: %w", a.Name, err)
	}
	m[a.Name] = a
	*order = append(*order, a.Name)
	return nil
}

func (r *reader) attribute(sp span, depth int) (*Attribute, error) {
	a := new(Attribute)
	if err := r.used.useStructure(costAttribute); err != nil {
		return a, err
	}
	pb := new(onnxpb.AttributeProto)
	err := r.message(sp, pb, func(f field) (bool, error) {
		if f.typ != protowire.BytesType {
			return false, nil
		}
		var err error
		switch {
		case f.num == 5 && a.Tensor != nil, f.num == 6 && a.Graph != nil:
			return true, fmt.Errorf("%s appears twice", fieldName(pb.ProtoReflect().Descriptor(), f.num))
		case f.num == 5:
			a.Tensor, err = r.tensor(f.span)
			return true, wrapf(err, "tensor %.100q", a.Tensor.Name)
		case f.num == 6:
			a.Graph, err = r.graph(f.span, depth+1)
			return true, wrapf(err, "subgraph")
		case f.num == 10:
			t, err := r.tensor(f.span)
			a.Tensors = append(a.Tensors, t)
			return true, wrapf(err, "tensor %d %.100q", len(a.Tensors)-1, t.Name)
		case f.num == 11:
			g, err := r.graph(f.span, depth+1)
			a.Graphs = append(a.Graphs, g)
			return true, wrapf(err, "subgraph %d", len(a.Graphs)-1)
		}
		return false, nil
	})
	a.Name, a.Ref, a.Kind = pb.GetName(), pb.GetRefAttrName(), AttrKind(pb.GetType())
	a.Float, a.Int, a.Bytes = pb.GetF(), pb.GetI(), pb.S
	a.Floats, a.Ints, a.Strings = pb.Floats, pb.Ints, pb.Strings
	a.unknown = pb.ProtoReflect().GetUnknown()
	if err != nil {
		return a, err
	}
	return a, a.checkKind(pb)
}

// checkKind finds the kind where the file does not give it (IR version 1), and makes sure that an attribute
// said to hold one tensor, graph or string holds it.
func (a *Attribute) checkKind(pb *onnxpb.AttributeProto) error {
	present := []struct {
		kind AttrKind
		has  bool
	}{
		{AttrFloat, pb.F != nil}, {AttrInt, pb.I != nil}, {AttrString, pb.S != nil},
		{AttrTensor, a.Tensor != nil}, {AttrGraph, a.Graph != nil}, {AttrFloats, len(a.Floats) > 0},
		{AttrInts, len(a.Ints) > 0}, {AttrStrings, len(a.Strings) > 0},
		{AttrTensors, len(a.Tensors) > 0}, {AttrGraphs, len(a.Graphs) > 0},
	}
	var found []AttrKind
	for _, p := range present {
		if p.has {
			found = append(found, p.kind)
		}
	}
	switch {
	case a.Ref != "" && len(found) > 0:
		return fmt.Errorf("refers to the function's attribute %.100q and holds a value of its own", a.Ref)
	case a.Ref != "":
		return nil
	case len(found) > 1:
		return fmt.Errorf("holds both a %s and a %s value", found[0], found[1])
	case len(found) == 1 && a.Kind == AttrUndefined:
		a.Kind = found[0]
	case len(found) == 1 && a.Kind != found[0]:
		return fmt.Errorf("is declared as %s but holds a %s value", a.Kind, found[0])
	case len(found) == 0 && (a.Kind == AttrTensor || a.Kind == AttrGraph):
		return fmt.Errorf("is declared as %s but holds none", a.Kind)
	case a.Kind < 0 || a.Kind > AttrTypes:
		return fmt.Errorf("type %d is no ONNX attribute type", a.Kind)
	}
	return nil
}
