package main

import (
	"os"
	"testing"
)

// TestOpenBesideFolder opens an embedded model where a folder of its name lies, such as one that it was pulled to.
func TestOpenBesideFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("inspect-tiny", 0o755); err != nil {
		t.Fatal(err)
	}
	enc, file, err := openEncoder("inspect-tiny")
	if err != nil {
		t.Fatal(err)
	}
	if enc.Spec().Width == 0 || file.Name != "inspect-tiny.onnx" {
		t.Errorf("opened %q of width %d", file.Name, enc.Spec().Width)
	}
}
