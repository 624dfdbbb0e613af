package npy_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/npy"
)

// TestArraysWrittenByNumPy reads the text embeddings of the demonstration encoder, whose rows have length 1.
func TestArraysWrittenByNumPy(t *testing.T) {
	root := os.Getenv("PLUMBLINE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(root, "onnx", "inspect-tiny", "text-embeddings.npy")
	if _, err := os.Stat(path); err != nil {
		t.Skip(err)
	}
	data, shape, err := npy.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(shape) != 2 || shape[0] != 12 || shape[1] != 64 {
		t.Fatalf("shape %v", shape)
	}
	for i := range 12 {
		sum := 0.0
		for _, v := range data[i*64 : (i+1)*64] {
			sum += float64(v) * float64(v)
		}
		if sum < 1-1e-5 || sum > 1+1e-5 {
			t.Errorf("row %d has squared length %v", i, sum)
		}
	}
}
