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
	"github.com/plumbline-ml/plumbline/internal/onnx"
	"github.com/plumbline-ml/plumbline/internal/tower"
)

// savedVIT writes a small transformer to a file and makes every file worth a mapping until the test ends.
func savedVIT(t *testing.T) string {
	t.Helper()
	s := small
	s.Patch, s.Depth = 8, 1 // so that the position embedding, which is not packed, is large enough to stay in the file
	src, err := s.Model(7)
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
	filemap.Min = 1 << 40
	read, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	filemap.Min = 1
	want := pass(t, read, images)[0]
	for range 2 {
		if !slices.Equal(pass(t, m, images)[0], want) {
			t.Fatal("mapped weights give other bits")
		}
		m.programs = nil // compile again, from weights whose pages were given back
		m.weights = graph.NewWeights()
	}
	sameSaved(t, m, path)
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

// shorten cuts a file off after n bytes, as a download that is started again does.
func shorten(t *testing.T, path string, n int64) {
	t.Helper()
	if err := os.Truncate(path, n); err != nil {
		t.Fatal(err)
	}
}

// TestMappedFileCutOffWhileItIsRead: wherever the weights are read from a file that has lost its end, that is an error
// naming the file, and no fault that ends the program.
func TestMappedFileCutOffWhileItIsRead(t *testing.T) {
	for name, read := range map[string]func(m *Model) error{
		"packing": func(m *Model) error {
			p, err := m.programFor([]Tap{Embedding}, true) // before the file is cut off: packing comes later
			if err != nil {
				return err
			}
			shorten(t, m.source.Path, 5000)
			_, err = p.state()
			return err
		},
		"folding constants": func(m *Model) error {
			shorten(t, m.source.Path, 5000)
			_, err := m.refitted(64, 64)
			return err
		},
		"training": func(m *Model) error {
			shorten(t, m.source.Path, 5000)
			_, err := m.Trainable()
			return err
		},
		"exporting": func(m *Model) error {
			x, err := m.gradientGraph([]Tap{Embedding})
			if err != nil {
				return err
			}
			out, err := x.g.ONNX("gradient", x.g.Nodes, []graph.Named{x.pixels, x.cots[0]}, []graph.Named{{Name: "g", Value: x.grad}})
			if err != nil {
				return err
			}
			shorten(t, m.source.Path, 5000)
			return out.Write(new(bytes.Buffer))
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Open(savedVIT(t))
			if err != nil {
				t.Fatal(err)
			}
			if err := read(m); err == nil || !strings.Contains(err.Error(), "vit.onnx cannot be read any more") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// TestMappedFileIsNotNeededOnceCompiled: what runs has all its weights in memory.
func TestMappedFileIsNotNeededOnceCompiled(t *testing.T) {
	m, err := Open(savedVIT(t))
	if err != nil {
		t.Fatal(err)
	}
	images := pictures(1, 96, 96)
	want := slices.Clone(pass(t, m, images)[0])
	shorten(t, m.source.Path, 0)
	if !slices.Equal(pass(t, m, images)[0], want) {
		t.Error("a compiled encoder gives other bits once its file is gone")
	}
}

// TestMappedFileChangedWhileItIsPacked: weights that were packed from an edited file are never used.
func TestMappedFileChangedWhileItIsPacked(t *testing.T) {
	m, err := Open(savedVIT(t))
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.programFor([]Tap{Embedding}, false)
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(m.source.Path)
	if err != nil {
		t.Fatal(err)
	}
	shorten(t, m.source.Path, st.Size()-1) // the rest of a page is still there, as zeros
	for range 2 {
		if _, err := p.state(); err == nil || !strings.Contains(err.Error(), "vit.onnx was changed while it was in use") {
			t.Errorf("the error is %v", err)
		}
	}
}

// TestMappedHalfPrecision: weights of 16 bits that lie in the file are those that are read from it.
func TestMappedHalfPrecision(t *testing.T) {
	path := savedVIT(t)
	src, err := onnx.Open(path, onnx.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if err := tower.Half(src, 1024); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "half.onnx")
	if err := src.Save(path); err != nil {
		t.Fatal(err)
	}
	images := pictures(1, 96, 96)
	var first []float32
	for _, least := range []int64{1, 1 << 40} {
		filemap.Min = least
		m, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		got := pass(t, m, images)[0]
		if first == nil {
			first = slices.Clone(got)
		}
		if !slices.Equal(got, first) {
			t.Error("the file read and the file mapped give different bits")
		}
		sameSaved(t, m, path)
	}
}

// sameSaved saves a model and compares with its file.
func sameSaved(t *testing.T, m *Model, path string) {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy.onnx")
	if err := m.Save(copied); err != nil {
		t.Fatal(err)
	}
	a, errA := os.ReadFile(path)
	b, errB := os.ReadFile(copied)
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("saving gives other bytes (%v, %v)", errA, errB)
	}
}
