package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/plumbline-ml/plumbline/internal/onnx/onnxpb"
)

// varints decodes packed integers, have bytes in all, into the want bytes of t's elements. float16 and
// bfloat16 come as the integer of their bits, 4-bit types two to an integer.
func (r *reader) varints(t *Tensor, want, have int64, data []field) (err error) {
	size := int64(max(t.Type.bits()/8, 1))
	count := want / size
	if have < count || have > 10*count {
		return fmt.Errorf("%d bytes cannot be the %d integers that dims %v of %s need", have, count, t.Dims, t.Type)
	}
	if t.raw, err = r.alloc(want); err != nil {
		return err
	}
	dst := t.raw
	for _, f := range data {
		if dst, err = r.varintField(dst, size, t.Type, f); err != nil {
			return err
		}
	}
	if left := int64(len(dst)) / size; left > 0 {
		return fmt.Errorf("holds %d integers, dims %v of %s need %d", count-left, t.Dims, t.Type, count)
	}
	return nil
}

// varintField decodes one packed field into dst, elements of size bytes, and returns what is left of dst.
func (r *reader) varintField(dst []byte, size int64, d DType, f field) ([]byte, error) {
	for off := f.off; off < f.end; {
		win, err := r.src.peek(off, int(min(f.end-off, windowSize)))
		if err != nil {
			return dst, err
		}
		last := off+int64(len(win)) == f.end
		for len(win) > 0 && (last || len(win) >= protowire.SizeVarint(math.MaxUint64)) {
			v, n := protowire.ConsumeVarint(win)
			if n < 0 {
				return dst, &truncated{fmt.Sprintf("byte %d: the field ends inside a number, or the number has more than 64 bits", off)}
			}
			if len(dst) == 0 {
				return dst, errors.New("holds more integers than dims need")
			}
			if err := putInt(dst, d, v); err != nil {
				return dst, fmt.Errorf("integer at byte %d: %w", off, err)
			}
			dst, win, off = dst[size:], win[n:], off+int64(n)
		}
	}
	return dst, nil
}

// putInt stores the integer v, as protobuf carries it, as an element of type d.
func putInt(dst []byte, d DType, v uint64) error {
	switch s := int64(v); d {
	case Int64, Uint64:
		binary.LittleEndian.PutUint64(dst, v)
	case Uint32:
		if v > math.MaxUint32 {
			return fmt.Errorf("%d does not fit %s", v, d)
		}
		binary.LittleEndian.PutUint32(dst, uint32(v))
	case Int32:
		binary.LittleEndian.PutUint32(dst, uint32(v))
	default:
		bits := max(d.bits(), 8)
		if s < -1<<(bits-1) || s >= 1<<bits {
			return fmt.Errorf("%d does not fit %s", s, d)
		}
		dst[0] = byte(v)
		if bits == 16 {
			dst[1] = byte(v >> 8)
		}
	}
	return nil
}

// unpacked takes the elements of typed fields that were written one by one, which old writers did.
func (r *reader) unpacked(t *Tensor, want int64, pb *onnxpb.TensorProto) (err error) {
	var packed []byte
	num := protowire.Number(rawData)
	for _, v := range pb.FloatData {
		num, packed = floatData, protowire.AppendFixed32(packed, math.Float32bits(v))
	}
	for _, v := range pb.DoubleData {
		num, packed = doubleData, protowire.AppendFixed64(packed, math.Float64bits(v))
	}
	if num != rawData {
		if err := allowed(t.Type, num); err != nil {
			return wrapf(err, "%s", fieldName(pb.ProtoReflect().Descriptor(), num))
		}
	}
	if ints, num := integers(pb); len(ints) > 0 {
		return wrapf(r.unpackedInts(t, want, ints, num), "%s", fieldName(pb.ProtoReflect().Descriptor(), num))
	}
	if int64(len(packed)) != want {
		return fmt.Errorf("has %d bytes of data, dims %v of %s need %d", len(packed), t.Dims, t.Type, want)
	}
	if t.raw, err = r.alloc(want); err != nil {
		return err
	}
	copy(t.raw, packed)
	return nil
}

// integers returns the elements of whichever integer field is filled.
func integers(pb *onnxpb.TensorProto) (v []uint64, num protowire.Number) {
	for _, x := range pb.Int32Data {
		v, num = append(v, uint64(int64(x))), int32Data
	}
	for _, x := range pb.Int64Data {
		v, num = append(v, uint64(x)), int64Data
	}
	for _, x := range pb.Uint64Data {
		v, num = append(v, x), uint64Data
	}
	return v, num
}

func (r *reader) unpackedInts(t *Tensor, want int64, ints []uint64, num protowire.Number) (err error) {
	if err := allowed(t.Type, num); err != nil {
		return err
	}
	size := int64(max(t.Type.bits()/8, 1))
	if int64(len(ints)) != want/size {
		return fmt.Errorf("holds %d integers, dims %v of %s need %d", len(ints), t.Dims, t.Type, want/size)
	}
	if t.raw, err = r.alloc(want); err != nil {
		return err
	}
	for i, v := range ints {
		if err := putInt(t.raw[int64(i)*size:], t.Type, v); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	return nil
}
