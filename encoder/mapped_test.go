package encoder

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/filemap"
	"github.com/plumbline-ml/plumbline/internal/graph"
)

// savedVIT writes a small transformer to a file and makes every file worth a mapping until the test ends.
func savedVIT(t *testing.T) string {
	t.Helper()
	src, err := small.Model(7)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "vit.onnx")
	if err := src.Save(path); err != nil {
		t.Fatal(err)
	}
	before := filemap.Min
	filemap.Min = 1
	t.Cleanup(func() { filemap.Min = before })
	return path
}

// TestMappedWeights: weights that lie in the file give the same bits as weights in memory, before and after their pages
// were given back, and can be saved and trained.
func TestMappedWeights(t *testing.T) {
	path := savedVIT(t)
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	images := pictures(1, 96, 96)
	want := pass(t, openVIT(t, small), images)[0]
	for range 2 {
		if !slices.Equal(pass(t, m, images)[0], want) {
			t.Fatal("mapped weights give other bits")
		}
		m.programs = nil // compile again, from weights whose pages were given back
		m.weights = graph.NewWeights()
	}
	copied := filepath.Join(t.TempDir(), "copy.onnx")
	if err := m.Save(copied); err != nil {
		t.Fatal(err)
	}
	a, errA := os.ReadFile(path)
	b, errB := os.ReadFile(copied)
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("saving the mapped model gives other bytes (%v, %v)", errA, errB)
	}
	tr, err := OpenTrainable(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(pass(t, tr.Model, images)[0], want) {
		t.Error("trainable copies of mapped weights give other bits")
	}
}

// TestMappedFileMustNotChange: nothing new is made of a file that was edited in place.
func TestMappedFileMustNotChange(t *testing.T) {
	path := savedVIT(t)
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, forward := m.Forward(context.Background(), pictures(1, 96, 96), Embedding)
	save := m.Save(filepath.Join(t.TempDir(), "copy.onnx"))
	for _, err := range []error{forward, save} {
		if err == nil || !strings.Contains(err.Error(), "vit.onnx was changed while it was in use") {
			t.Errorf("an edited file gives the error %v", err)
		}
	}
}
