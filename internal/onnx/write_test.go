package onnx_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// built is a model with every kind of attribute, made in memory.
func built(t *testing.T) *onnx.Model {
	t.Helper()
	w, err := onnx.NewFloat32("w", []int{2, 2}, []float32{1, 2, 3, 4})
	if err != nil {
		t.Fatal(err)
	}
	shape, err := onnx.NewInt64("shape", []int{2}, []int64{1, -1})
	if err != nil {
		t.Fatal(err)
	}
	m := onnx.NewModel("built", 17)
	g := m.Graph
	g.AddInput("x", onnx.Float32, onnx.Symbolic("batch"), onnx.Dim{Value: 2})
	g.AddOutput("y", onnx.Float32, onnx.Fixed(1, 2)...)
	g.AddInitializer(w, shape)
	g.AddNode("MatMul", []string{"x", "w"}, []string{"xw"}).Name = "product"
	g.AddNode("Constant", nil, []string{"c"}, onnx.TensorAttr("value", shape))
	body := &onnx.Graph{Name: "body"}
	body.AddNode("Identity", []string{"xw"}, []string{"out"})
	body.AddOutput("out", onnx.Float32)
	n := g.AddNode("Everything", []string{"xw", "", "c"}, []string{"y"},
		onnx.IntAttr("zero", 0), onnx.FloatAttr("alpha", 0), onnx.StringAttr("mode", ""), onnx.IntsAttr("axes", 0, -1),
		onnx.GraphAttr("body", body), &onnx.Attribute{Name: "floats", Kind: onnx.AttrFloats, Floats: []float32{1, 2}},
		&onnx.Attribute{Name: "strings", Kind: onnx.AttrStrings, Strings: [][]byte{[]byte("a"), {}}},
		&onnx.Attribute{Name: "graphs", Kind: onnx.AttrGraphs, Graphs: []*onnx.Graph{body}},
		&onnx.Attribute{Name: "tensors", Kind: onnx.AttrTensors, Tensors: []*onnx.Tensor{w, shape}},
		&onnx.Attribute{Name: "none", Kind: onnx.AttrInts})
	n.Domain = "custom"
	m.Opsets["custom"] = 1
	m.Metadata = map[string]string{"b": "2", "a": "1"}
	m.Functions = []*onnx.Function{{
		Domain: "custom", Name: "Everything", Inputs: []string{"a"}, Outputs: []string{"b"}, Attributes: []string{"mode"},
		AttributeDefaults: map[string]*onnx.Attribute{"zero": onnx.IntAttr("zero", 3)},
		Opsets:            map[string]int64{"": 17},
		Nodes: []*onnx.Node{{OpType: "Relu", Inputs: []string{"a"}, Outputs: []string{"b"},
			Attrs: map[string]*onnx.Attribute{"alpha": {Name: "alpha", Kind: onnx.AttrFloat, Ref: "zero"}}}},
	}}
	return m
}

func bytesOf(t *testing.T, m *onnx.Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWriteRoundTrip(t *testing.T) {
	m := built(t)
	b := bytesOf(t, m)
	again, err := read(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m, again, sameModel); d != "" {
		t.Error(d)
	}
	for range 20 { // maps must not show in the bytes
		if !bytes.Equal(b, bytesOf(t, built(t))) || !bytes.Equal(b, bytesOf(t, again)) {
			t.Fatal("the same model gives different bytes")
		}
	}
}

// TestUnknownFieldsSurvive puts fields that the structs do not model at every level.
func TestUnknownFieldsSurvive(t *testing.T) {
	file := slices.Concat(num(1, 8), str(6, "doc of model"), num(5, 42), sub(20, str(99, "training")),
		sub(7, node("Op", sub(5, str(1, "a"), num(3, 0), num(20, 2), str(13, "doc of attribute")), str(6, "doc of node"), sub(9, str(1, "k"))),
			initializer("w", onnx.Float32, []int64{1}, f32(1), str(12, "doc of tensor")),
			sub(11, str(1, "x"), sub(2, sub(4, sub(1, sub(1, num(1, 1))))), str(3, "doc of sequence input")),
			sub(12, str(1, "y"), sub(2, sub(1, num(1, 1), sub(2, sub(1, num(1, 3), str(3, "DATA_CHANNEL")))), str(6, "IMAGE"))),
			str(10, "doc of graph"), sub(14, str(1, "w")), str(77, "future")),
		sub(8, str(1, "ai.onnx"), num(2, 17)), sub(25, str(1, "F"), str(10, "d"), str(8, "doc of function"), sub(7, str(4, "Relu"))))
	m, err := read(file)
	if err != nil {
		t.Fatal(err)
	}
	saved := bytesOf(t, m)
	for _, s := range []string{"doc of model", "training", "doc of attribute", "doc of node", "doc of tensor", "doc of sequence input",
		"DATA_CHANNEL", "IMAGE", "doc of graph", "future", "doc of function", "ai.onnx"} {
		if !bytes.Contains(saved, []byte(s)) {
			t.Errorf("%q was lost", s)
		}
	}
	if len(saved) != len(file) {
		t.Errorf("%d bytes became %d", len(file), len(saved))
	}
	if m.Opsets[""] != 17 || len(m.Opsets) != 1 {
		t.Errorf("opsets %v", m.Opsets)
	}
}

// TestOddNames uses names that are no UTF-8, hold quotes and line breaks, or look like paths.
func TestOddNames(t *testing.T) {
	for _, name := range []string{"\xff\xfe", "a\nb\"c", "/model/../x", "名前", "\x00", " "} {
		m, err := read(model(sub(1, str(1, name), str(2, name+"y"), str(3, name), str(4, "Relu")), initializer(name, onnx.Float32, nil, f32(1))))
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		again, err := read(bytesOf(t, m))
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if n := again.Graph.Nodes[0]; n.Name != name || n.Inputs[0] != name || again.Graph.Initializer(name) == nil {
			t.Errorf("%q became %q", name, n.Name)
		}
	}
}

func TestEditsAreSaved(t *testing.T) {
	m, err := read(bytesOf(t, built(t)))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SetTensor("w", []float32{9, 8, 7, 6}); err != nil {
		t.Fatal(err)
	}
	m.Graph.Inputs[0].Dims[0] = onnx.Dim{Value: 5}
	m.Graph.Nodes[0].Attrs["new"] = onnx.IntAttr("new", 1)
	delete(m.Graph.Nodes[2].Attrs, "zero")
	m.Opsets[""] = 18
	m.Metadata["c"] = "3"
	again, err := read(bytesOf(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m, again, sameModel); d != "" {
		t.Error(d)
	}
	if v, err := again.Graph.Initializer("w").Float32s(); err != nil || !slices.Equal(v, []float32{9, 8, 7, 6}) {
		t.Errorf("%v %v", v, err)
	}
	if err := m.SetTensor("absent", nil); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("error %v", err)
	}
	if err := m.SetTensor("w", []float32{1}); err == nil || !strings.Contains(err.Error(), `"w"`) {
		t.Errorf("error %v", err)
	}
}

func TestWriteNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name    string
		harm    func(*onnx.Model)
		culprit string
	}{
		{"released", func(m *onnx.Model) { m.Graph.Initializers[0].Release() }, `"w": its data was released`},
		{"dims changed", func(m *onnx.Model) { m.Graph.Initializers[0].Dims[0] = 3 }, `"w": 16 bytes of data, dims [3 2]`},
		{"duplicate", func(m *onnx.Model) { m.Graph.Initializers[1].Name = "w" }, "second initializer"},
		{"nil tensor", func(m *onnx.Model) { m.Graph.Nodes[1].Attrs["value"].Tensor = nil }, `attribute "value"`},
		{"nil graph attribute", func(m *onnx.Model) { m.Graph.Nodes[2].Attrs["body"].Graph = nil }, `attribute "body"`},
		{"nil initializer", func(m *onnx.Model) { m.Graph.Initializers[1] = nil }, "initializer 1 is nil"},
		{"nil node", func(m *onnx.Model) { m.Graph.Nodes[0] = nil }, "Node is nil"},
		{"no graph", func(m *onnx.Model) { m.Graph = nil }, "no graph"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := built(t)
			c.harm(m)
			path := filepath.Join(t.TempDir(), "m.onnx")
			if err := m.Save(path); err == nil || !strings.Contains(err.Error(), c.culprit) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v does not say %q", err, c.culprit)
			}
			if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
