package onnx

import (
	"fmt"
	"slices"
)

// Tensor is a constant array: an initializer or the value of an attribute. Its data is held as little-endian
// bytes of its element type, whichever of ONNX's several encodings the file used. A Tensor may be read by
// many goroutines; SetFloat32s and Release must not run beside any reader.
type Tensor struct {
	Name string
	Type DType
	Dims []int // row-major; empty for a scalar

	raw      []byte   // elements, little-endian; nil for strings and after Release
	strings  [][]byte // elements of a String tensor
	released bool
	mapped   bool   // raw lies in the mapped file, numbers at any address
	unknown  []byte // fields we give no meaning to, as they arrived
}

// Len returns the number of elements.
func (t *Tensor) Len() int {
	n := 1
	for _, d := range t.Dims {
		n *= d
	}
	return n
}

// Bytes returns the elements as they are stored: little-endian, row-major. It is the tensor's own memory
// and must not be written to.
func (t *Tensor) Bytes() ([]byte, error) {
	if t.released {
		return nil, fmt.Errorf("onnx: tensor %.100q: its data was released", t.Name)
	}
	if t.Type == String {
		return nil, fmt.Errorf("onnx: tensor %.100q holds strings, numbers are needed", t.Name)
	}
	want, err := byteLen(t.Type, int64(t.Len()))
	if err != nil {
		return nil, fmt.Errorf("onnx: tensor %.100q: %w", t.Name, err)
	}
	if int64(len(t.raw)) != want {
		return nil, fmt.Errorf("onnx: tensor %.100q: %d bytes of data, dims %v of %s need %d", t.Name, len(t.raw), t.Dims, t.Type, want)
	}
	return t.raw, nil
}

// Strings returns the elements of a String tensor.
func (t *Tensor) Strings() ([][]byte, error) {
	switch {
	case t.released:
		return nil, fmt.Errorf("onnx: tensor %.100q: its data was released", t.Name)
	case t.Type != String:
		return nil, fmt.Errorf("onnx: tensor %.100q holds %s, strings are needed", t.Name, t.Type)
	case len(t.strings) != t.Len():
		return nil, fmt.Errorf("onnx: tensor %.100q: %d strings, dims %v need %d", t.Name, len(t.strings), t.Dims, t.Len())
	}
	return t.strings, nil
}

// Release drops the data, so that its memory can be collected while the model lives on. Reading or writing
// the tensor afterwards is an error that says so.
func (t *Tensor) Release() { t.raw, t.strings, t.released = nil, nil, true }

// SetFloat32s replaces the values, keeping name, element type and dimensions. v is converted to the element
// type, rounding to nearest even for float16 and bfloat16; whole number types are refused.
func (t *Tensor) SetFloat32s(v []float32) error {
	if len(v) != t.Len() {
		return fmt.Errorf("onnx: tensor %.100q: %d values, dims %v need %d", t.Name, len(v), t.Dims, t.Len())
	}
	raw, err := narrow(t.Type, v)
	if err != nil {
		return fmt.Errorf("onnx: tensor %.100q: %w", t.Name, err)
	}
	t.raw, t.strings, t.released, t.mapped = raw, nil, false, false
	return nil
}

// NewFloat32 returns a float32 tensor. It keeps v and dims; v must not change while the tensor is in use.
func NewFloat32(name string, dims []int, v []float32) (*Tensor, error) {
	return newTensor(name, Float32, dims, len(v), bytesOf(v))
}

// NewInt64 returns an int64 tensor. It keeps v and dims; v must not change while the tensor is in use.
func NewInt64(name string, dims []int, v []int64) (*Tensor, error) {
	return newTensor(name, Int64, dims, len(v), bytesOf(v))
}

// NewTensor returns a tensor of any numeric type from its little-endian bytes, which it keeps. Elements of four bits lie
// two to a byte.
func NewTensor(name string, d DType, dims []int, raw []byte) (*Tensor, error) {
	if d.bits() == 4 {
		n := (&Tensor{Dims: dims}).Len()
		if n < 0 || len(raw) != (n+1)/2 {
			return nil, fmt.Errorf("onnx: tensor %.100q: %d bytes are not %d elements of %s", name, len(raw), n, d)
		}
		return newTensor(name, d, dims, n, raw)
	}
	if d.Size() == 0 {
		return nil, fmt.Errorf("onnx: tensor %.100q: %s has no whole-byte elements", name, d)
	}
	if len(raw)%d.Size() != 0 {
		return nil, fmt.Errorf("onnx: tensor %.100q: %d bytes are not whole elements of %s", name, len(raw), d)
	}
	return newTensor(name, d, dims, len(raw)/d.Size(), raw)
}

func newTensor(name string, d DType, dims []int, n int, raw []byte) (*Tensor, error) {
	wide := make([]int64, len(dims))
	for i, v := range dims {
		wide[i] = int64(v)
	}
	want, err := elements(wide)
	if err != nil {
		return nil, fmt.Errorf("onnx: tensor %.100q: %w", name, err)
	}
	if int64(n) != want {
		return nil, fmt.Errorf("onnx: tensor %.100q: %d values, dims %v need %d", name, n, dims, want)
	}
	return &Tensor{Name: name, Type: d, Dims: slices.Clone(dims), raw: raw}, nil
}
