package onnx

import (
	"fmt"
	"io"
	"path/filepath"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/plumbline-ml/plumbline/internal/atomicfile"
	"github.com/plumbline-ml/plumbline/internal/filemap"
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
		err = m.whole(plan.write)(w)
	}
	return wrapf(err, "onnx: writing the model")
}

// whole is write, with an error if the file that the weights lie in was changed before the last byte was written.
func (m *Model) whole(write func(io.Writer) error) func(io.Writer) error {
	return func(w io.Writer) (err error) {
		defer filemap.Guard(&err)()
		if err := m.CheckFile(); err != nil {
			return err
		}
		err = write(w)
		if changed := m.CheckFile(); changed != nil {
			return changed // it explains err
		}
		return err
	}
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
		if err := atomicfile.Write(path+".data", m.whole(data.write)); err != nil {
			return err
		}
	}
	return atomicfile.Write(path, m.whole(p.write))
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
