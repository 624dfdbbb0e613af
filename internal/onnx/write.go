package onnx

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/plumbline-ml/plumbline/internal/atomicfile"
	"github.com/plumbline-ml/plumbline/internal/onnx/onnxpb"
)

// maxFile is the largest protobuf message that other readers accept.
const maxFile = 1<<31 - 1

// Write writes the model with all its data as one ONNX file. The same model always gives the same bytes.
// A model of more than 2 GiB cannot be one file; use Save.
func (m *Model) Write(w io.Writer) error {
	plan, err := m.plan(nil)
	if err == nil && plan.size > maxFile {
		err = fmt.Errorf("the model takes %d bytes, a single file holds at most %d: save it to a path", plan.size, maxFile)
	}
	if err == nil {
		err = plan.write(w)
	}
	return wrapf(err, "onnx: writing the model")
}

// Save writes the model to path, under a temporary name that is renamed when complete. Tensors of a model
// of more than 2 GiB go to a second file, path + ".data".
func (m *Model) Save(path string) error {
	return wrapf(m.save(path, maxFile), "onnx: saving %s", path)
}

func (m *Model) save(path string, limit int64) error {
	p, err := m.plan(nil)
	if err != nil {
		return err
	}
	if p.size > limit {
		data := &dataFile{name: filepath.Base(path) + ".data"}
		if p, err = m.plan(data); err != nil {
			return err
		}
		if p.size > limit {
			return fmt.Errorf("takes %d bytes without its weights, the most allowed is %d", p.size, limit)
		}
		if err := atomicfile.Write(path+".data", data.write); err != nil {
			return err
		}
	}
	return atomicfile.Write(path, p.write)
}

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

func (p *plan) write(w io.Writer) error {
	out := &output{w: w}
	out.bytes(p.head)
	out.begin(7, p.graph)
	for _, n := range p.nodes {
		out.message(1, n)
	}
	out.bytes(p.name)
	for _, t := range p.tensors {
		out.begin(5, t.size())
		out.bytes(t.head)
		if t.hasRaw {
			out.begin(rawData, int64(len(t.raw)))
			out.bytes(t.raw)
		}
		out.bytes(t.tail)
	}
	out.bytes(p.rest)
	out.bytes(p.tail)
	return out.err
}

// output writes until the first error.
type output struct {
	w   io.Writer
	buf []byte
	err error
}

func (o *output) bytes(b []byte) {
	if o.err == nil && len(b) > 0 {
		_, o.err = o.w.Write(b)
	}
}

// begin writes the tag and length of a field with n bytes of content.
func (o *output) begin(num protowire.Number, n int64) {
	o.buf = protowire.AppendTag(o.buf[:0], num, protowire.BytesType)
	o.buf = protowire.AppendVarint(o.buf, uint64(n))
	o.bytes(o.buf)
}

func (o *output) message(num protowire.Number, m proto.Message) {
	b, err := marshal.Marshal(m)
	if err != nil && o.err == nil {
		o.err = err
	}
	o.begin(num, int64(len(b)))
	o.bytes(b)
}

// dataFile collects the tensors of an external data file, each at a multiple of a page so that readers may
// map it into memory.
type dataFile struct {
	name  string
	parts [][]byte
	size  int64
}

const (
	minExternal = 1024
	page        = 4096
)

// add appends raw and returns the entries that locate it.
func (d *dataFile) add(raw []byte) []*onnxpb.StringStringEntryProto {
	entry := func(k, v string) *onnxpb.StringStringEntryProto {
		return &onnxpb.StringStringEntryProto{Key: proto.String(k), Value: proto.String(v)}
	}
	off := (d.size + page - 1) / page * page
	d.parts = append(d.parts, make([]byte, off-d.size), raw)
	d.size = off + int64(len(raw))
	return []*onnxpb.StringStringEntryProto{entry("location", d.name),
		entry("offset", strconv.FormatInt(off, 10)), entry("length", strconv.Itoa(len(raw)))}
}

func (d *dataFile) write(w io.Writer) error {
	out := &output{w: w}
	for _, b := range d.parts {
		out.bytes(b)
	}
	return out.err
}
