package onnx_test

import (
	"bytes"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// Files are built here field by field, so that they can be wrong in every way a file can be wrong.

func sub(num protowire.Number, parts ...[]byte) []byte {
	b := protowire.AppendTag(nil, num, protowire.BytesType)
	return protowire.AppendBytes(b, slices.Concat(parts...))
}

func str(num protowire.Number, s string) []byte { return sub(num, []byte(s)) }

func num(field protowire.Number, v int64) []byte {
	b := protowire.AppendTag(nil, field, protowire.VarintType)
	return protowire.AppendVarint(b, uint64(v))
}

func packed(field protowire.Number, values ...int64) []byte {
	var b []byte
	for _, v := range values {
		b = protowire.AppendVarint(b, uint64(v))
	}
	return sub(field, b)
}

// model wraps graph fields into a model of IR version 8, opset 17.
func model(graph ...[]byte) []byte {
	return slices.Concat(num(1, 8), sub(7, graph...), sub(8, num(2, 17)))
}

func node(op string, parts ...[]byte) []byte {
	return sub(1, str(1, "x"), str(2, "y"), str(3, "the node"), str(4, op), slices.Concat(parts...))
}

func initializer(name string, d onnx.DType, dims []int64, parts ...[]byte) []byte {
	return sub(5, tensor(name, d, dims, parts...))
}

func tensor(name string, d onnx.DType, dims []int64, parts ...[]byte) []byte {
	var b []byte
	for _, v := range dims {
		b = append(b, num(1, v)...)
	}
	return slices.Concat(b, num(2, int64(d)), str(8, name), slices.Concat(parts...))
}

func read(b []byte) (*onnx.Model, error) {
	return onnx.Read(bytes.NewReader(b), int64(len(b)), onnx.DefaultLimits())
}
