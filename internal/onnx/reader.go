package onnx

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/plumbline-ml/plumbline/internal/filemap"
)

// reader turns a file into a Model. It descends the messages that can be large (graph, node, attribute,
// tensor, function) itself, so that tensor data is read in place and everything is counted before it is
// allocated; the remaining fields of each message are gathered and decoded by the generated code.
type reader struct {
	file *filemap.File // the same bytes, mapped, or nil
	src  source
	ext  external
	used budget
}

// take handles a field and reports whether it did.
type take func(f field) (bool, error)

// message visits the fields in sp and decodes those that take leaves into m, the first of them also when it
// fails, so that the caller can name what it was reading.
func (r *reader) message(sp span, m proto.Message, take take) error {
	rest, err := r.walk(sp, m.ProtoReflect().Descriptor(), take)
	if err == nil {
		return unmarshal(rest, m)
	}
	_ = unmarshal(rest[:min(len(rest), 64<<10)], m) // fills what it can; the first error is the one to report
	return err
}

func (r *reader) walk(sp span, d protoreflect.MessageDescriptor, take take) (rest []byte, err error) {
	for off := sp.off; off < sp.end; {
		f, err := r.src.next(off, sp.end)
		if err != nil {
			return rest, err
		}
		if err := r.used.useStructure(costField); err != nil {
			return rest, err
		}
		done, err := take(f)
		var cut *truncated
		if f.short() && !errors.As(err, &cut) { // whatever is wrong inside, the missing bytes explain it
			return rest, fieldError(d, f)
		}
		if err != nil {
			return rest, err
		}
		if !done {
			if rest, err = r.keep(rest, f); err != nil {
				return rest, fmt.Errorf("%s: %w", fieldName(d, f.num), err)
			}
		}
		off = f.end
	}
	return rest, nil
}

// keep appends the whole field to rest.
func (r *reader) keep(rest []byte, f field) ([]byte, error) {
	factor := int64(2)
	if f.typ == protowire.BytesType && f.num == 8 {
		factor = 9 // packed integers of an attribute: one byte may become eight
	}
	if err := r.used.useStructure(factor * f.len()); err != nil {
		return rest, err
	}
	n := len(rest)
	rest = append(rest, make([]byte, f.end-f.tag)...)
	return rest, r.src.read(rest[n:], f.tag)
}

// small reads a whole message of bounded size.
func (r *reader) small(f field, m proto.Message, limit int64) error {
	if f.short() {
		return nil // the caller's walk reports it
	}
	if f.len() > limit {
		return fmt.Errorf("takes %d bytes, the most allowed is %d", f.len(), limit)
	}
	b := make([]byte, f.len())
	if err := r.src.read(b, f.off); err != nil {
		return err
	}
	return unmarshal(b, m)
}

func unmarshal(b []byte, m proto.Message) error {
	err := proto.UnmarshalOptions{AllowPartial: true, RecursionLimit: 32}.Unmarshal(b, m)
	if err != nil {
		return fmt.Errorf("%s: malformed protobuf: %w", m.ProtoReflect().Descriptor().Name(), err)
	}
	return nil
}

// isMessage reports whether f is the given field with the wire type of messages and strings.
func isMessage(f field, num protowire.Number) bool {
	return f.num == num && f.typ == protowire.BytesType
}
