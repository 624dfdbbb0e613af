// Package onnx reads and writes ONNX model files as plain Go structs.
//
// A file is untrusted input. [Open] and [Read] walk the protobuf wire format over an [io.ReaderAt], compare
// every declared size with the bytes that are present before anything is allocated, keep the memory of the
// model's structure within [Limits], and resolve external data only inside the model's folder. Every error
// names the file and the node, tensor or field at fault; bad input never panics.
//
// Tensor data goes from the file straight into one allocation per tensor, without a copy and without
// decoding single elements, so that a model takes little more memory than its weights, and each weight can
// be dropped on its own ([Tensor.Release]).
//
// What the structs do not model (doc strings, training information, quantisation annotations, fields of
// later ONNX versions) is kept as it arrived and written back by [Model.Write] and [Model.Save].
package onnx
