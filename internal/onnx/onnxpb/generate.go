// Package onnxpb holds the protobuf messages of the ONNX model format, generated from onnx.proto.
package onnxpb

//go:generate protoc -I ../../.. --go_out=../../.. --go_opt=paths=source_relative internal/onnx/onnxpb/onnx.proto
