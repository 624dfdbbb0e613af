package onnx_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// FuzzRead makes sure that no file makes the reader panic or allocate beyond its limits, and that whatever is
// accepted can be written, means the same when read back, and is written with the same bytes again.
func FuzzRead(f *testing.F) {
	for _, h := range hostileFiles {
		if len(h.file) < 4096 {
			f.Add(h.file)
		}
	}
	for _, c := range elementCases {
		f.Add(model(initializer("w", c.d, []int64{3, 1}, sub(9, c.raw))))
		f.Add(model(initializer("w", c.d, []int64{3, 1}, c.typed)))
	}
	f.Add(fuzzSeed(f))
	f.Add(model(external("w", "location", "w.bin", "offset", "0", "length", "8"), external("v", "location", "w.bin", "offset", "4")))
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "w.bin"), make([]byte, 12), 0o644); err != nil {
		f.Fatal(err)
	}
	lim := onnx.Limits{MaxBytes: 1 << 20, MaxStructure: 4 << 20, MaxNodes: 1000, MaxDepth: 8, ExternalDir: dir}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := onnx.Read(bytes.NewReader(b), int64(len(b)), lim)
		if err != nil {
			return
		}
		for _, w := range m.Graph.Initializers {
			useTensor(t, w)
		}
		one := bytesOf(t, m)
		again, err := onnx.Read(bytes.NewReader(one), int64(len(one)), onnx.DefaultLimits())
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if d := cmp.Diff(m, again, sameModel); d != "" {
			t.Fatal(d)
		}
		if !bytes.Equal(one, bytesOf(t, again)) {
			t.Fatal("writing twice gives different bytes")
		}
	})
}

// fuzzSeed is a model with every kind of attribute, a subgraph and a function.
func fuzzSeed(f *testing.F) []byte {
	w, err := onnx.NewFloat32("w", []int{2}, []float32{1, 2})
	if err != nil {
		f.Fatal(err)
	}
	m := onnx.NewModel("seed", 17)
	g := m.Graph
	g.AddInput("x", onnx.Float32, onnx.Symbolic("n"), onnx.Dim{Value: 2})
	g.AddInitializer(w)
	body := &onnx.Graph{Name: "body"}
	body.AddNode("Identity", []string{"x"}, []string{"z"}, onnx.TensorAttr("t", w))
	g.AddNode("If", []string{"x"}, []string{"y"}, onnx.GraphAttr("then_branch", body), onnx.IntsAttr("axes", 0, -1), onnx.StringAttr("s", "s"))
	m.Functions = []*onnx.Function{{Domain: "d", Name: "F", Nodes: g.Nodes, AttributeDefaults: map[string]*onnx.Attribute{"a": onnx.FloatAttr("a", 1)}}}
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		f.Fatal(err)
	}
	return b.Bytes()
}

// useTensor asks for the elements in every form. Whole-byte numeric types must give as many as they have.
func useTensor(t *testing.T, w *onnx.Tensor) {
	if v, err := w.Float32s(); err == nil && len(v) != w.Len() {
		t.Fatalf("tensor %q: %d float32s for %v", w.Name, len(v), w.Dims)
	}
	if v, err := w.Float64s(); err == nil && len(v) != w.Len() {
		t.Fatalf("tensor %q: %d float64s for %v", w.Name, len(v), w.Dims)
	}
	if v, err := w.Int64s(); err == nil && len(v) != w.Len() {
		t.Fatalf("tensor %q: %d int64s for %v", w.Name, len(v), w.Dims)
	}
	if v, err := w.Strings(); err == nil && len(v) != w.Len() {
		t.Fatalf("tensor %q: %d strings for %v", w.Name, len(v), w.Dims)
	}
}
