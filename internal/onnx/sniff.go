package onnx

import (
	"bytes"
	"errors"
	"fmt"
)

// signatures are beginnings of files that people take for ONNX models.
var signatures = []struct {
	at   int
	head string
	is   string
}{
	{0, "PK\x03\x04", "a zip archive (a PyTorch checkpoint, perhaps): export it to ONNX first"},
	{0, "\x80\x02", "a Python pickle (a PyTorch checkpoint, perhaps): export it to ONNX first"},
	{0, "\x89HDF", "an HDF5 file (a Keras model, perhaps): convert it to ONNX first"},
	{0, "version https://git-lfs", "a Git LFS pointer: fetch the file with git lfs pull"},
	{0, "\x93NUMPY", "a NumPy array"},
	{0, "\x1f\x8b", "gzip data: unpack it first"},
	{0, "\x89PNG", "a PNG image"},
	{0, "\xff\xd8\xff", "a JPEG image"},
	{0, "<!DOCTYPE", "an HTML page (a failed download, perhaps)"},
	{0, "<html", "an HTML page (a failed download, perhaps)"},
	{4, "ORTM", "ONNX Runtime's own format: convert the original .onnx file instead"},
	{4, "TFL3", "a TensorFlow Lite model"},
	{8, `{"`, "a safetensors file: export the model to ONNX first"},
}

// sniff refuses an empty file and well-known formats that are not ONNX by name.
func sniff(s *source) error {
	if s.size <= 0 {
		return errors.New("is not an ONNX model: the file is empty")
	}
	head, err := s.peek(0, 64)
	if err != nil {
		return err
	}
	for _, g := range signatures {
		if len(head) >= g.at && bytes.HasPrefix(head[g.at:], []byte(g.head)) {
			return fmt.Errorf("is not an ONNX model but %s", g.is)
		}
	}
	return nil
}
