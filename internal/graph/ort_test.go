package graph_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/npy"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// TestWriteForORT leaves every case's model, inputs and our result below PLUMBLINE_ORT_DIR, for the script of
// internal/ortcheck.
func TestWriteForORT(t *testing.T) {
	root := os.Getenv("PLUMBLINE_ORT_DIR")
	if root == "" {
		t.Skip("PLUMBLINE_ORT_DIR is not set")
	}
	for i, c := range gradientCases {
		m, list, run := c.model(t)
		dir := filepath.Join(root, "operators", fmt.Sprintf("%03d_%s_%s", i, strings.ReplaceAll(c.domain, ".", "_"), c.op))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		var inputs []*onnx.ValueInfo
		for _, v := range m.Graph.Inputs {
			if x, ok := run[v.Name]; ok {
				inputs = append(inputs, v)
				save(t, filepath.Join(dir, "in."+v.Name+".npy"), x, dimsOf(v))
			}
		}
		m.Graph.Inputs = inputs
		for _, s := range list {
			if s.Const == nil {
				continue
			}
			k, err := onnx.NewFloat32(s.Name, s.Const.Shape, s.Const.F)
			if s.Const.I != nil {
				k, err = onnx.NewInt64(s.Name, s.Const.Shape, s.Const.I)
			}
			if c.op == "Where" || c.op == "Compress" { // conditions
				if s.Const.I != nil {
					raw := make([]byte, len(s.Const.I))
					for j, v := range s.Const.I {
						raw[j] = byte(v)
					}
					k, err = onnx.NewTensor(s.Name, onnx.Bool, s.Const.Shape, raw)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			m.Graph.AddInitializer(k)
		}
		m.Graph.Outputs = m.Graph.Outputs[:1]
		m.Graph.Outputs[0].HasShape = false
		if err := m.Save(filepath.Join(dir, "model.onnx")); err != nil {
			t.Fatal(err)
		}
		p, run := c.compile(t)
		p.value(t, run, make([]float32, len(floatsOf(p.s, p.out))))
		save(t, filepath.Join(dir, "out.out0.npy"), floatsOf(p.s, p.out), p.out.Shape)
	}
}

func dimsOf(v *onnx.ValueInfo) (d []int) {
	for _, n := range v.Dims {
		d = append(d, int(n.Value))
	}
	return d
}

func save(t *testing.T, path string, v []float32, shape []int) {
	if err := npy.Save(path, v, shape...); err != nil {
		t.Fatal(err)
	}
}
