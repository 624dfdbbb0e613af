package graph

import (
	"fmt"
	"math"
)

// DType is the element type of a value. Every ONNX float type is computed in float32 and every ONNX
// integer type in int64; booleans are int64 zeros and ones.
type DType uint8

const (
	Float32 DType = iota + 1
	Int64
	Bool
)

func (d DType) String() string {
	switch d {
	case Float32:
		return "float32"
	case Int64:
		return "int64"
	case Bool:
		return "bool"
	}
	return fmt.Sprintf("DType(%d)", uint8(d))
}

// Tensor is a dense row-major array: F holds Float32 elements, I holds Int64 and Bool ones.
type Tensor struct {
	DType DType
	Shape []int
	F     []float32
	I     []int64
}

// NewTensor allocates a zero tensor.
func NewTensor(d DType, shape ...int) *Tensor {
	t := &Tensor{DType: d, Shape: shape}
	if d == Float32 {
		t.F = make([]float32, Size(shape))
	} else {
		t.I = make([]int64, Size(shape))
	}
	return t
}

// Scalar is a rank-0 float tensor.
func Scalar(v float32) *Tensor { return &Tensor{DType: Float32, Shape: []int{}, F: []float32{v}} }

// Ints is a rank-1 integer tensor.
func Ints(v ...int64) *Tensor { return &Tensor{DType: Int64, Shape: []int{len(v)}, I: v} }

// Floats is a float tensor over v.
func Floats(v []float32, shape ...int) *Tensor {
	return &Tensor{DType: Float32, Shape: shape, F: v}
}

// Len is the number of elements.
func (t *Tensor) Len() int { return Size(t.Shape) }

// Reshaped is t's data under another shape.
func (t *Tensor) Reshaped(shape ...int) *Tensor {
	return &Tensor{DType: t.DType, Shape: shape, F: t.F, I: t.I}
}

// Size is the number of elements of a shape, or MaxInt where the product overflows.
func Size(shape []int) int {
	n := 1
	for _, d := range shape {
		if d == 0 {
			return 0
		}
		if n > math.MaxInt/d {
			return math.MaxInt
		}
		n *= d
	}
	return n
}

// Strides are the row-major element strides of a shape.
func Strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// SameShape tells whether two shapes are equal.
func SameShape(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// BroadcastShape applies ONNX's multidirectional broadcasting to two shapes.
func BroadcastShape(a, b []int) ([]int, error) {
	n := max(len(a), len(b))
	out := make([]int, n)
	for i := range n {
		x, y := dimFromEnd(a, n-i), dimFromEnd(b, n-i)
		switch {
		case x == y || y == 1:
			out[i] = x
		case x == 1:
			out[i] = y
		default:
			return nil, fmt.Errorf("shapes %v and %v do not broadcast", a, b)
		}
	}
	return out, nil
}

func dimFromEnd(s []int, k int) int {
	if k > len(s) {
		return 1
	}
	return s[len(s)-k]
}

// broadcastStrides are the strides with which a tensor of shape s is read as shape out.
func broadcastStrides(s, out []int) []int {
	own := Strides(s)
	st := make([]int, len(out))
	for i := range s {
		j := len(out) - len(s) + i
		if s[i] != 1 {
			st[j] = own[i]
		}
	}
	return st
}
