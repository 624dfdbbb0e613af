package onnx

import (
	"io"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/plumbline-ml/plumbline/internal/onnx/onnxpb"
)

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
