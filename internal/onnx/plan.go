package onnx

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/plumbline-ml/plumbline/internal/onnx/onnxpb"
)

// plan is a model ready to be streamed: the messages around the tensor data, and how long each is.
type plan struct {
	head, tail  []byte // ModelProto before and after its graph
	nodes       []*onnxpb.NodeProto
	name        []byte // GraphProto.name
	tensors     []plannedTensor
	rest        []byte // GraphProto after its initializers
	graph, size int64
}

type plannedTensor struct {
	head, tail []byte // TensorProto before and after raw_data
	raw        []byte
	hasRaw     bool
}

var marshal = proto.MarshalOptions{Deterministic: true, AllowPartial: true}

// plan encodes everything but tensor data. If data is given, large tensors are sent there.
func (m *Model) plan(data *dataFile) (*plan, error) {
	if m.Graph == nil {
		return nil, errors.New("the model has no graph")
	}
	functions, err := encodeAll(m.Functions, (*Function).encode)
	if err != nil {
		return nil, err
	}
	p := new(plan)
	err = p.marshal(&p.head, &onnxpb.ModelProto{IrVersion: proto.Int64(m.IRVersion),
		ProducerName: optional(m.Producer), ProducerVersion: optional(m.ProducerVersion)})
	if err != nil {
		return nil, err
	}
	err = p.marshal(&p.tail, withUnknown(&onnxpb.ModelProto{OpsetImport: encodeOpsets(m.Opsets, m.opsets),
		MetadataProps: encodeMeta(m.Metadata, m.meta), Functions: functions}, m.unknown))
	if err != nil {
		return nil, err
	}
	if err := p.planGraph(m.Graph, data); err != nil {
		return nil, wrapf(err, "graph")
	}
	p.size = int64(len(p.head)) + messageSize(7, p.graph) + int64(len(p.tail))
	return p, nil
}

func (p *plan) marshal(to *[]byte, m proto.Message) (err error) {
	*to, err = marshal.Marshal(m)
	return err
}

func (p *plan) planGraph(g *Graph, data *dataFile) (err error) {
	if p.nodes, err = encodeAll(g.Nodes, (*Node).encode); err != nil {
		return err
	}
	for _, n := range p.nodes {
		p.graph += messageSize(1, int64(proto.Size(n)))
	}
	names := make(map[string]bool, len(g.Initializers))
	for i, t := range g.Initializers {
		if t == nil {
			return fmt.Errorf("initializer %d is nil", i)
		}
		pt, err := planTensor(t, data)
		if err == nil {
			err = addName(names, t.Name)
		}
		if err != nil {
			return wrapf(err, "initializer %d %.100q", i, t.Name)
		}
		p.tensors = append(p.tensors, pt)
		p.graph += messageSize(5, pt.size())
	}
	if err := p.marshal(&p.name, &onnxpb.GraphProto{Name: optional(g.Name)}); err != nil {
		return err
	}
	err = p.marshal(&p.rest, g.encodeTail())
	p.graph += int64(len(p.name) + len(p.rest))
	return err
}

func planTensor(t *Tensor, data *dataFile) (p plannedTensor, err error) {
	pb, raw, err := t.encodeHead()
	if err != nil {
		return p, err
	}
	tail := withUnknown(new(onnxpb.TensorProto), t.unknown)
	withUnknown(pb, nil)
	switch {
	case data != nil && len(raw) >= minExternal:
		tail.ExternalData, tail.DataLocation = data.add(raw), proto.Int32(1)
	case t.Type != String:
		p.raw, p.hasRaw = raw, true
	}
	if p.head, err = marshal.Marshal(pb); err != nil {
		return p, err
	}
	p.tail, err = marshal.Marshal(tail)
	return p, err
}

func (t plannedTensor) size() int64 {
	n := int64(len(t.head) + len(t.tail))
	if t.hasRaw {
		n += messageSize(rawData, int64(len(t.raw)))
	}
	return n
}

// messageSize returns how many bytes a field with n bytes of content takes.
func messageSize(num protowire.Number, n int64) int64 {
	return int64(protowire.SizeTag(num)+protowire.SizeVarint(uint64(n))) + n
}
