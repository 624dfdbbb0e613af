package text

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/npy"
)

func TestOpenEmbeddings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.npy")
	if err := npy.Save(path, []float32{1, 2, 3, 4, 5, 6}, 2, 3); err != nil {
		t.Fatal(err)
	}
	rows, err := OpenEmbeddings(path)
	if err != nil || len(rows) != 2 || rows[1][0] != 4 {
		t.Errorf("%v, %v", rows, err)
	}
	if err := npy.Save(path, []float32{1, 2, 0, 0}, 2, 2); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenEmbeddings(path); err == nil || !strings.Contains(err.Error(), "row 1") {
		t.Errorf("a zero row gave %v", err)
	}
	if err := npy.Save(path, []float32{1, 2, 3}, 3); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenEmbeddings(path); err == nil {
		t.Error("one axis was accepted")
	}
}
