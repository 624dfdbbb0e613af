package onnx

import "fmt"

// DType is the element type of a tensor, numbered as ONNX's TensorProto.DataType.
type DType int32

// The element types of ONNX. [Tensor.Float32s] converts all of them except String, the complex types and Float8E8M0,
// which are carried as opaque bytes.
const (
	Undefined  DType = 0
	Float32    DType = 1
	Uint8      DType = 2
	Int8       DType = 3
	Uint16     DType = 4
	Int16      DType = 5
	Int32      DType = 6
	Int64      DType = 7
	String     DType = 8
	Bool       DType = 9
	Float16    DType = 10
	Float64    DType = 11
	Uint32     DType = 12
	Uint64     DType = 13
	Complex64  DType = 14
	Complex128 DType = 15
	BFloat16   DType = 16
	Float8E4M3 DType = 17
	Float8E8M0 DType = 24
	Uint4      DType = 21
	Int4       DType = 22
	Float4E2M1 DType = 23
)

// dtypes gives each type its name and its width in bits; strings have no fixed width.
var dtypes = [...]struct {
	name string
	bits int
}{
	Undefined: {"undefined", 0}, Float32: {"float32", 32}, Uint8: {"uint8", 8}, Int8: {"int8", 8},
	Uint16: {"uint16", 16}, Int16: {"int16", 16}, Int32: {"int32", 32}, Int64: {"int64", 64},
	String: {"string", 0}, Bool: {"bool", 8}, Float16: {"float16", 16}, Float64: {"float64", 64},
	Uint32: {"uint32", 32}, Uint64: {"uint64", 64}, Complex64: {"complex64", 64},
	Complex128: {"complex128", 128}, BFloat16: {"bfloat16", 16}, Float8E4M3: {"float8e4m3fn", 8},
	18: {"float8e4m3fnuz", 8}, 19: {"float8e5m2", 8}, 20: {"float8e5m2fnuz", 8},
	Uint4: {"uint4", 4}, Int4: {"int4", 4}, Float4E2M1: {"float4e2m1", 4}, Float8E8M0: {"float8e8m0", 8},
}

// String returns the type's name as NumPy spells it, such as "float32".
func (d DType) String() string {
	if d.known() {
		return dtypes[d].name
	}
	return fmt.Sprintf("element type %d", int32(d))
}

// IsFloat reports whether d is float16, bfloat16, float32 or float64.
func (d DType) IsFloat() bool { return d == Float16 || d == BFloat16 || d == Float32 || d == Float64 }

// IsInt reports whether d is a whole number type of 8 bits or more, or bool.
func (d DType) IsInt() bool {
	switch d {
	case Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64, Bool:
		return true
	}
	return false
}

// Size returns the width of one element in bytes, 0 for strings and types narrower than a byte.
func (d DType) Size() int { return d.bits() / 8 }

func (d DType) known() bool { return d >= 0 && int(d) < len(dtypes) }

func (d DType) bits() int {
	if !d.known() {
		return 0
	}
	return dtypes[d].bits
}

// maxRank bounds the number of dimensions of a tensor or a declared shape.
const maxRank = 64

// elements multiplies dims without overflow.
func elements(dims []int64) (int64, error) {
	if len(dims) > maxRank {
		return 0, fmt.Errorf("dims has %d dimensions, the most allowed is %d", len(dims), maxRank)
	}
	n, zero := int64(1), false
	for i, d := range dims {
		if d < 0 {
			return 0, fmt.Errorf("dims%v: dimension %d is negative", dims, i)
		}
		if d == 0 {
			zero = true
			continue
		}
		if n > maxElements/d { // also refuses a single huge dimension beside a zero
			return 0, fmt.Errorf("dims%v: the number of elements exceeds %d", dims, int64(maxElements))
		}
		n *= d
	}
	if zero {
		return 0, nil
	}
	return n, nil
}

// maxElements keeps the bytes of any tensor (at most 16 an element) far from overflowing an int64.
const maxElements = 1 << 48

// byteLen returns how many bytes n elements of type d take as raw data.
func byteLen(d DType, n int64) (int64, error) {
	b := d.bits()
	if b == 0 {
		return 0, fmt.Errorf("data_type %s has no raw form", d)
	}
	return (n*int64(b) + 7) / 8, nil
}
