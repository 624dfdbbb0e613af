package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/plumbline-ml/plumbline/internal/filemap"
)

// Float32s returns the elements as float32, row-major. For a float32 tensor it is the tensor's own memory
// and must not be written to; any other numeric type is converted into a new slice (float64 and wide
// integers round to nearest).
func (t *Tensor) Float32s() ([]float32, error) {
	raw, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	switch t.Type {
	case Float32:
		if t.mapped {
			return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(raw))), len(raw)/4), nil
		}
		return view[float32](raw), nil
	case Float16:
		v := make([]float32, len(raw)/2)
		widenFloat16(v, raw)
		t.discard()
		return v, nil
	case BFloat16:
		v := make([]float32, len(raw)/2)
		widenBFloat16(v, raw)
		t.discard()
		return v, nil
	}
	if v, ok := t.tiny(raw); ok {
		return v, nil
	}
	v, err := convertTo[float32](t.Type, raw)
	return v, t.wrap(err)
}

// discard gives back the memory of elements that lie in a mapped file and were copied.
func (t *Tensor) discard() {
	if t.mapped {
		filemap.DiscardBytes(t.raw)
	}
}

// Float64s returns the elements as float64, row-major. It must not be written to. Only integers beyond 2⁵³
// are rounded.
func (t *Tensor) Float64s() ([]float64, error) {
	raw, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	v, err := convertTo[float64](t.Type, raw)
	return v, t.wrap(err)
}

// Int64s returns the elements of a whole number or bool tensor as int64, row-major. It must not be written
// to. A uint64 beyond 2⁶³-1 is an error.
func (t *Tensor) Int64s() ([]int64, error) {
	raw, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	if t.Type == Int4 || t.Type == Uint4 {
		return nibbles(t.Type, raw, t.Len()), nil
	}
	if !t.Type.IsInt() {
		return nil, t.wrap(fmt.Errorf("holds %s, whole numbers are needed", t.Type))
	}
	if t.Type == Uint64 {
		for i, u := range view[uint64](raw) {
			if u > math.MaxInt64 {
				return nil, t.wrap(fmt.Errorf("element %d = %d exceeds the range of int64", i, u))
			}
		}
	}
	v, err := convertTo[int64](t.Type, raw)
	return v, t.wrap(err)
}

func (t *Tensor) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("onnx: tensor %.100q: %w", t.Name, err)
}

type number interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// convertTo converts raw elements of type d to T, sharing memory when d is T itself.
func convertTo[T number](d DType, raw []byte) ([]T, error) {
	switch d {
	case Float32:
		return cast[T](view[float32](raw)), nil
	case Float64:
		return cast[T](view[float64](raw)), nil
	case Int8:
		return cast[T](view[int8](raw)), nil
	case Int16:
		return cast[T](view[int16](raw)), nil
	case Int32:
		return cast[T](view[int32](raw)), nil
	case Int64:
		return cast[T](view[int64](raw)), nil
	case Uint8:
		return cast[T](raw), nil
	case Uint16:
		return cast[T](view[uint16](raw)), nil
	case Uint32:
		return cast[T](view[uint32](raw)), nil
	case Uint64:
		return cast[T](view[uint64](raw)), nil
	}
	return convertOdd[T](d, raw)
}

// convertOdd converts the element types that Go has no type for.
func convertOdd[T number](d DType, raw []byte) ([]T, error) {
	widen := Float16To32
	switch d {
	case Bool:
		v := make([]T, len(raw))
		for i, b := range raw {
			if b != 0 {
				v[i] = 1
			}
		}
		return v, nil
	case BFloat16:
		widen = BFloat16To32
	case Float16:
	default:
		return nil, fmt.Errorf("elements of %s cannot be converted to numbers", d)
	}
	v := make([]T, len(raw)/2)
	for i := range v {
		v[i] = T(widen(binary.LittleEndian.Uint16(raw[2*i:])))
	}
	return v, nil
}

func cast[T, S number](s []S) []T {
	if same, ok := any(s).([]T); ok {
		return same
	}
	v := make([]T, len(s))
	for i, x := range s {
		v[i] = T(x)
	}
	return v
}

// narrow converts v to little-endian elements of floating-point type d.
func narrow(d DType, v []float32) ([]byte, error) {
	raw := make([]byte, len(v)*d.Size())
	for i, f := range v {
		switch d {
		case Float32:
			binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(f))
		case Float64:
			binary.LittleEndian.PutUint64(raw[8*i:], math.Float64bits(float64(f)))
		case Float16:
			binary.LittleEndian.PutUint16(raw[2*i:], Float32To16(f))
		case BFloat16:
			binary.LittleEndian.PutUint16(raw[2*i:], Float32ToBFloat16(f))
		}
	}
	if !d.IsFloat() {
		return nil, fmt.Errorf("holds %s, its values cannot be set from float32", d)
	}
	return raw, nil
}

// littleEndian says whether the machine stores numbers as ONNX does.
var littleEndian = func() bool {
	one := uint16(1)
	return *(*byte)(unsafe.Pointer(&one)) == 1
}()

// view reads raw as little-endian elements of T: the same memory where the machine's byte order and the
// alignment allow it, otherwise a copy.
func view[T number](raw []byte) []T {
	var zero T
	size := int(unsafe.Sizeof(zero))
	n := len(raw) / size
	if n == 0 {
		return []T{}
	}
	p := unsafe.Pointer(unsafe.SliceData(raw))
	if littleEndian && uintptr(p)%uintptr(size) == 0 {
		return unsafe.Slice((*T)(p), n)
	}
	v := make([]T, n)
	copyLittleEndian(bytesView(v), raw[:n*size], size)
	return v
}

// bytesOf returns v as little-endian bytes, the same memory where the machine's byte order allows it.
func bytesOf[T number](v []T) []byte {
	if littleEndian {
		return bytesView(v)
	}
	raw := make([]byte, len(bytesView(v)))
	var zero T
	copyLittleEndian(raw, bytesView(v), int(unsafe.Sizeof(zero)))
	return raw
}

func bytesView[T number](v []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(zero)))
}

// copyLittleEndian copies elements of the given size between native and little-endian order.
func copyLittleEndian(dst, src []byte, size int) {
	if littleEndian {
		copy(dst, src)
		return
	}
	for i := 0; i < len(src); i += size {
		for k := range size {
			dst[i+k] = src[i+size-1-k]
		}
	}
}
