package onnx

import (
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// source gives random access to a file: small reads come from a window, large ones go straight to the
// caller's memory.
type source struct {
	r    io.ReaderAt
	size int64
	at   int64  // file offset of win[0]
	win  []byte // what is buffered
	buf  []byte // the window's memory
}

const windowSize = 64 << 10

// peek returns up to n bytes at off, fewer only at the end of the file. The slice is valid until the next
// call on s. n is at most windowSize.
func (s *source) peek(off int64, n int) ([]byte, error) {
	if n > int(min(s.size-off, windowSize)) {
		n = int(min(s.size-off, windowSize))
	}
	if i := off - s.at; i >= 0 && i+int64(n) <= int64(len(s.win)) {
		return s.win[i : i+int64(n)], nil
	}
	if s.buf == nil {
		s.buf = make([]byte, min(windowSize, s.size))
	}
	s.at, s.win = off, s.buf[:min(int64(len(s.buf)), s.size-off)]
	if err := readFull(s.r, s.win, off); err != nil {
		s.win = nil
		return nil, err
	}
	return s.win[:n], nil
}

// read fills dst from off, which the caller has checked to lie in the file.
func (s *source) read(dst []byte, off int64) error {
	if i := off - s.at; i >= 0 && i+int64(len(dst)) <= int64(len(s.win)) {
		copy(dst, s.win[i:])
		return nil
	}
	if len(dst) >= windowSize {
		return readFull(s.r, dst, off)
	}
	b, err := s.peek(off, len(dst))
	copy(dst, b)
	return err
}

// readFull fills dst from off. That the file ends early means that it shrank meanwhile.
func readFull(r io.ReaderAt, dst []byte, off int64) error {
	n, err := r.ReadAt(dst, off)
	if n == len(dst) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading %d bytes at byte %d: %w", len(dst), off, err)
}

// span is the bytes [off, end) of a message.
type span struct{ off, end int64 }

// field is one field of a message on the wire.
type field struct {
	num      protowire.Number
	typ      protowire.Type
	tag      int64 // file offset of the tag
	span           // the value: a message's or string's content, or the number itself
	declared int64 // length that the file declares; more than the span's where the message ends early
}

func (f field) len() int64  { return f.end - f.off }
func (f field) short() bool { return f.declared > f.len() }

// next reads the head of the field at off inside a message that ends at end.
func (s *source) next(off, end int64) (field, error) {
	tag, n, err := s.varint(off, end)
	if err != nil {
		return field{}, err
	}
	num, typ := protowire.DecodeTag(tag)
	if !num.IsValid() {
		return field{}, fmt.Errorf("byte %d holds no protobuf field", off)
	}
	f := field{num: num, typ: typ, tag: off}
	f.off = off + int64(n)
	switch typ {
	case protowire.VarintType:
		if _, n, err = s.varint(f.off, end); err != nil {
			return f, err
		}
		f.declared = int64(n)
	case protowire.Fixed32Type:
		f.declared = 4
	case protowire.Fixed64Type:
		f.declared = 8
	case protowire.BytesType:
		length, n, err := s.varint(f.off, end)
		if err != nil {
			return f, err
		}
		f.off += int64(n)
		f.declared = int64(min(length, 1<<62))
	default:
		return f, fmt.Errorf("field %d at byte %d has wire type %d, which ONNX does not use", num, off, typ)
	}
	f.end = f.off + min(f.declared, end-f.off)
	return f, nil
}

// varint decodes the variable-length integer at off and returns the number of its bytes.
func (s *source) varint(off, end int64) (uint64, int, error) {
	b, err := s.peek(off, int(min(end-off, 10)))
	if err != nil {
		return 0, 0, err
	}
	v, n := protowire.ConsumeVarint(b)
	if n < 0 {
		return 0, 0, &truncated{fmt.Sprintf("byte %d: the message ends inside a number, or the number has more than 64 bits", off)}
	}
	return v, n, nil
}

// truncated is the error of a field that has fewer bytes than it should.
type truncated struct{ msg string }

func (e *truncated) Error() string { return e.msg }

// fieldError says that a field declares more bytes than its message has.
func fieldError(d protoreflect.MessageDescriptor, f field) error {
	return &truncated{fmt.Sprintf("%s declares %d bytes at byte %d, but only %d follow: the file is truncated or damaged",
		fieldName(d, f.num), f.declared, f.off, f.len())}
}

func fieldName(d protoreflect.MessageDescriptor, n protowire.Number) string {
	if fd := d.Fields().ByNumber(n); fd != nil {
		return string(fd.Name())
	}
	return fmt.Sprintf("field %d", n)
}
