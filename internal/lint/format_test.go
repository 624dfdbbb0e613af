package lint

import (
	"bytes"
	"go/format"
	"os"
	"path/filepath"
	"testing"
)

// maxLines bounds a hand-written source file; beyond it a file holds two ideas.
const maxLines = 400

// maxBytes bounds any committed file except those that largeFiles names.
const maxBytes = 1 << 20

var largeFiles = map[string]bool{
	"models/inspect-tiny/inspect-tiny.onnx":                       true,
	"models/surfaces-tiny/surfaces-tiny.onnx":                     true,
	"models/surfaces-small/surfaces-small.onnx":                   true,
	"models/surfaces-tiny/heads/segment-pixels.head":              true,
	"models/surfaces-tuned-classify/surfaces-tuned-classify.onnx": true,
	"models/surfaces-tuned-segment/surfaces-tuned-segment.onnx":   true,
	"models/surfaces-tuned-segment/heads/segment-pixels.head":     true,
	"models/surfaces-fare/surfaces-fare.onnx":                     true,
	"models/surfaces-tokenfare/surfaces-tokenfare.onnx":           true,
}

func TestFormatted(t *testing.T) {
	root := mustRoot(t)
	for _, name := range mustFiles(t, root, IsGo) {
		src, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := format.Source(src)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !bytes.Equal(src, want) {
			t.Errorf("%s is not formatted: run gofmt -w %s", name, name)
		}
	}
}

func TestFileSizes(t *testing.T) {
	root := mustRoot(t)
	for _, name := range mustFiles(t, root, func(string) bool { return true }) {
		path := filepath.Join(root, name)
		if st, err := os.Stat(path); err == nil && st.Size() > maxBytes && !largeFiles[name] {
			t.Errorf("%s has %d bytes, more than %d", name, st.Size(), maxBytes)
		}
		if !IsGo(name) {
			continue
		}
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(src, []byte("\n")); n > maxLines && !IsGenerated(src) {
			t.Errorf("%s has %d lines, more than %d: split it by idea", name, n, maxLines)
		}
	}
}
