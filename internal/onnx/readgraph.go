package onnx

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/plumbline-ml/plumbline/internal/onnx/onnxpb"
)

// maxValueInfo bounds the bytes of one value's declaration.
const maxValueInfo = 1 << 20

// graph reads a GraphProto at the given nesting depth.
func (r *reader) graph(sp span, depth int) (*Graph, error) {
	if depth > r.used.lim.MaxDepth {
		return nil, fmt.Errorf("subgraphs are nested more than %d deep", r.used.lim.MaxDepth)
	}
	g, pb := new(Graph), new(onnxpb.GraphProto)
	names := make(map[string]bool)
	err := r.message(sp, pb, func(f field) (bool, error) {
		if f.typ != protowire.BytesType {
			return false, nil
		}
		switch f.num {
		case 1:
			n, err := r.node(f.span, depth)
			g.Nodes = append(g.Nodes, n)
			return true, wrapf(err, "node %d %s", len(g.Nodes)-1, n)
		case 5:
			t, err := r.tensor(f.span)
			g.Initializers = append(g.Initializers, t)
			if err == nil {
				err = addName(names, t.Name)
			}
			return true, wrapf(err, "initializer %d %.100q", len(g.Initializers)-1, t.Name)
		case 11:
			return true, wrapf(r.valueInfo(f, &g.Inputs), "input %d", len(g.Inputs))
		case 12:
			return true, wrapf(r.valueInfo(f, &g.Outputs), "output %d", len(g.Outputs))
		case 13:
			return true, wrapf(r.valueInfo(f, &g.ValueInfo), "value_info %d", len(g.ValueInfo))
		case 15:
			return true, r.sparse(f.span)
		}
		return false, nil
	})
	g.Name, g.unknown = pb.GetName(), pb.ProtoReflect().GetUnknown()
	return g, err
}

func addName(names map[string]bool, name string) error {
	switch {
	case name == "":
		return errors.New("has no name")
	case names[name]:
		return errors.New("a second initializer of this name")
	}
	names[name] = true
	return nil
}

// sparse refuses a sparse initializer, by its name where that can be read.
func (r *reader) sparse(sp span) error {
	name := ""
	_, err := r.walk(sp, new(onnxpb.TensorProto).ProtoReflect().Descriptor(), func(f field) (bool, error) {
		if !isMessage(f, 1) {
			return true, nil
		}
		t, err := r.tensor(f.span)
		name = t.Name
		return true, err
	})
	if err != nil {
		return wrapf(err, "sparse_initializer %.100q", name)
	}
	return fmt.Errorf("sparse_initializer %.100q: sparse weights are not supported: save the model with dense ones", name)
}

// valueInfo reads one ValueInfoProto and appends it to list.
func (r *reader) valueInfo(f field, list *[]*ValueInfo) error {
	pb := new(onnxpb.ValueInfoProto)
	if err := r.small(f, pb, maxValueInfo); err != nil {
		return wrapf(err, "%.100q", pb.GetName())
	}
	v, err := newValueInfo(pb)
	if err != nil {
		return wrapf(err, "%.100q", pb.GetName())
	}
	*list = append(*list, v)
	return r.used.useStructure(costValueInfo + 2*f.len() + costDim*int64(len(v.Dims)))
}

func newValueInfo(pb *onnxpb.ValueInfoProto) (*ValueInfo, error) {
	v := &ValueInfo{Name: pb.GetName(), read: pb}
	tt := pb.GetType().GetTensorType()
	if tt == nil {
		return v, nil
	}
	v.Type = DType(tt.GetElemType())
	if !v.Type.known() {
		return v, fmt.Errorf("elem_type %d is no ONNX element type", tt.GetElemType())
	}
	if tt.Shape == nil {
		return v, nil
	}
	if n := len(tt.Shape.Dim); n > maxRank {
		return v, fmt.Errorf("shape has %d dimensions, the most allowed is %d", n, maxRank)
	}
	v.HasShape = true
	for _, d := range tt.Shape.Dim {
		dim := Dim{Value: -1, Param: d.GetDimParam()}
		if d.DimValue != nil && d.GetDimValue() >= 0 {
			dim.Value = d.GetDimValue()
		}
		v.Dims = append(v.Dims, dim)
	}
	return v, nil
}

// function reads a FunctionProto.
func (r *reader) function(sp span) (*Function, error) {
	fn, pb := new(Function), new(onnxpb.FunctionProto)
	fn.AttributeDefaults = make(map[string]*Attribute)
	err := r.message(sp, pb, func(f field) (bool, error) {
		switch {
		case isMessage(f, 7):
			n, err := r.node(f.span, 1)
			fn.Nodes = append(fn.Nodes, n)
			return true, wrapf(err, "node %d %s", len(fn.Nodes)-1, n)
		case isMessage(f, 11):
			return true, r.attributeInto(f.span, 1, fn.AttributeDefaults, &fn.order)
		}
		return false, nil
	})
	fn.Name, fn.Domain, fn.Overload = pb.GetName(), domain(pb.GetDomain()), pb.GetOverload()
	fn.Inputs, fn.Outputs, fn.Attributes = pb.Input, pb.Output, pb.Attribute
	fn.opsets, fn.unknown = pb.OpsetImport, pb.ProtoReflect().GetUnknown()
	if err == nil {
		err = r.used.useStructure(costNode)
	}
	if err == nil {
		fn.Opsets, err = opsetMap(pb.OpsetImport)
	}
	return fn, err
}

func (f *Function) name() string {
	if f.Domain == "" {
		return f.Name
	}
	return f.Domain + "." + f.Name
}
