package onnx

import (
	"errors"
	"fmt"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/plumbline-ml/plumbline/internal/onnx/onnxpb"
)

// Fields of TensorProto that hold elements.
const (
	floatData  = 4
	int32Data  = 5
	int64Data  = 7
	rawData    = 9
	doubleData = 10
	uint64Data = 11
)

// tensor reads a TensorProto. Fields with elements are only located at first; they are read once type and
// dimensions are known and agree with the bytes present.
func (r *reader) tensor(sp span) (*Tensor, error) {
	t := new(Tensor)
	if err := r.used.useStructure(costTensor); err != nil {
		return t, err
	}
	pb := new(onnxpb.TensorProto)
	var data []field
	err := r.message(sp, pb, func(f field) (_ bool, err error) {
		switch f.num {
		case 1:
			if f.len() > 10*maxRank {
				return true, fmt.Errorf("dims has more than %d dimensions", maxRank)
			}
		case floatData, int32Data, int64Data, rawData, doubleData, uint64Data:
			if f.typ == protowire.BytesType {
				data, err = addField(data, f)
				return true, err
			}
		}
		return false, nil
	})
	t.Name, t.Type = pb.GetName(), DType(pb.GetDataType())
	t.strings, t.unknown = pb.StringData, pb.ProtoReflect().GetUnknown()
	if err != nil {
		return t, err
	}
	n, err := t.setType(pb)
	if err != nil || t.Type == String {
		return t, err // strings are checked when they are asked for
	}
	return t, r.elements(t, n, pb, data)
}

// setType takes over type and dimensions and returns the number of elements.
func (t *Tensor) setType(pb *onnxpb.TensorProto) (int64, error) {
	if !t.Type.known() || t.Type == Undefined {
		return 0, fmt.Errorf("data_type %d is no ONNX element type", pb.GetDataType())
	}
	n, err := elements(pb.Dims)
	if err != nil {
		return 0, err
	}
	t.Dims = make([]int, len(pb.Dims))
	for i, d := range pb.Dims {
		t.Dims[i] = int(d)
	}
	return n, nil
}

// elements reads the n elements of t from wherever they are.
func (r *reader) elements(t *Tensor, n int64, pb *onnxpb.TensorProto, data []field) error {
	want, err := byteLen(t.Type, n)
	if err != nil {
		return err
	}
	if pb.GetDataLocation() == 1 {
		t.raw, err = r.externalData(pb.ExternalData, want, n == 0)
		return wrapf(err, "external_data")
	}
	if len(data) == 0 {
		return r.unpacked(t, want, pb)
	}
	name := fieldName(pb.ProtoReflect().Descriptor(), data[0].num)
	if err := allowed(t.Type, data[0].num); err != nil {
		return wrapf(err, "%s", name)
	}
	if len(pb.FloatData)+len(pb.DoubleData)+len(pb.Int32Data)+len(pb.Int64Data)+len(pb.Uint64Data) > 0 {
		return fmt.Errorf("%s: elements stand both packed and one by one", name)
	}
	have := int64(0)
	for _, f := range data {
		have += f.len()
	}
	if data[0].num == int32Data || data[0].num == int64Data || data[0].num == uint64Data {
		return wrapf(r.varints(t, want, have, data), "%s", name)
	}
	if have != want {
		return fmt.Errorf("%s has %d bytes, dims %v of %s need %d", name, have, t.Dims, t.Type, want)
	}
	return wrapf(r.gather(t, want, data), "%s", name)
}

// gather reads fixed-width elements, want bytes in all, straight into the tensor's memory.
func (r *reader) gather(t *Tensor, want int64, data []field) (err error) {
	if stays(t.Type) && len(data) == 1 && want >= minMapped && r.file.Holds(data[0].off, data[0].end) {
		t.raw, t.mapped = r.file.Bytes()[data[0].off:data[0].end:data[0].end], true
		return r.used.useBytes(want)
	}
	if t.raw, err = r.alloc(want); err != nil {
		return err
	}
	off := int64(0)
	for _, f := range data {
		if err := r.src.read(t.raw[off:off+f.len()], f.off); err != nil {
			return err
		}
		off += f.len()
	}
	return nil
}

// stays tells whether a large tensor of a type stays in a mapped file: what is read at any address.
func stays(d DType) bool { return d == Float32 || d == Float16 || d == BFloat16 }

// minMapped is the size of the smallest tensor that stays in a mapped file.
const minMapped = 64 << 10

// maxPieces bounds the fields over which the elements of one tensor may be spread; writers use one.
const maxPieces = 1024

// addField appends a field that holds elements, unless it is empty.
func addField(data []field, f field) ([]field, error) {
	switch {
	case f.declared == 0:
		return data, nil
	case len(data) == maxPieces:
		return data, fmt.Errorf("elements are spread over more than %d fields", maxPieces)
	case len(data) > 0 && f.num != data[0].num:
		return data, fmt.Errorf("holds elements in two fields, %d and %d", data[0].num, f.num)
	case len(data) > 0 && f.num == rawData:
		return data, errors.New("raw_data appears twice")
	}
	return append(data, f), nil
}

// allowed checks that the standard lets elements of type d live in the field.
func allowed(d DType, num protowire.Number) error {
	ok := true
	switch num {
	case floatData:
		ok = d == Float32 || d == Complex64
	case doubleData:
		ok = d == Float64 || d == Complex128
	case int64Data:
		ok = d == Int64
	case uint64Data:
		ok = d == Uint32 || d == Uint64
	case int32Data:
		ok = d == Int32 || d.bits() <= 16
	}
	if !ok {
		return fmt.Errorf("cannot hold elements of %s", d)
	}
	return nil
}

// alloc counts n bytes of tensor data and returns them, aligned to 8 bytes. The caller has made sure that
// the file holds what goes there.
func (r *reader) alloc(n int64) ([]byte, error) {
	if err := r.used.useBytes(n); err != nil {
		return nil, err
	}
	if n == 0 {
		return []byte{}, nil
	}
	words := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), n), nil
}
