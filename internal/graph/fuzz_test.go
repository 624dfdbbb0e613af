package graph_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// FuzzImport makes sure that no file makes graph building, fusion or differentiation panic.
func FuzzImport(f *testing.F) {
	t := &testing.T{}
	for _, c := range gradientCases {
		m, list, _ := c.model(t)
		for _, s := range list {
			if s.Const == nil {
				continue
			}
			k, err := onnx.NewFloat32(s.Name, s.Const.Shape, s.Const.F)
			if s.Const.I != nil {
				k, err = onnx.NewInt64(s.Name, s.Const.Shape, s.Const.I)
			}
			if err != nil {
				f.Fatal(err)
			}
			m.Graph.AddInitializer(k)
		}
		var b bytes.Buffer
		if err := m.Write(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	for _, dir := range []string{"encoders/models", "exports"} { // an encoder of every family
		files, err := filepath.Glob(filepath.Join("..", "..", "testdata", filepath.FromSlash(dir), "*.onnx"))
		if err != nil || len(files) == 0 {
			f.Fatal(dir, err)
		}
		for _, path := range files {
			b, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	lim := onnx.Limits{MaxBytes: 1 << 20, MaxStructure: 4 << 20, MaxNodes: 500, MaxDepth: 4}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := onnx.Read(bytes.NewReader(b), int64(len(b)), lim)
		if err != nil {
			return
		}
		g, err := graph.Import(m, graph.ImportOptions{Sources: fuzzSources(m), Constants: true})
		if err != nil || g.FuseBlocks() != nil || g.FuseEpilogues() != nil {
			return
		}
		var outs, cots []*graph.Value
		wrt := append([]*graph.Value(nil), g.Inputs...)
		for _, v := range g.Outputs {
			if v.DType == graph.Float32 && graph.Size(v.Shape) < 1<<16 {
				outs, cots = append(outs, v), append(cots, g.Input("", graph.Float32, v.Shape...))
			}
		}
		if _, err := g.Backprop(outs, cots, wrt, nil); err == nil {
			_ = g.FuseBackward()
		}
	})
}

// fuzzSources turns small inputs of fixed shape into sources.
func fuzzSources(m *onnx.Model) (list []graph.Source) {
	for _, v := range m.Graph.Inputs {
		shape, n := []int{}, 1
		for _, d := range v.Dims {
			k := int(min(max(d.Value, 1), 1<<12))
			shape = append(shape, k)
			if n *= k; n > 1<<12 {
				break
			}
		}
		if m.Graph.Initializer(v.Name) == nil && n <= 1<<12 && len(shape) == len(v.Dims) {
			d := graph.Float32
			if v.Type == onnx.Int64 {
				d = graph.Int64
			}
			list = append(list, graph.Source{Name: v.Name, Type: graph.Type{DType: d, Shape: shape}})
		}
	}
	return list
}
