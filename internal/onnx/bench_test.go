package onnx_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// largeModel is a model with the weights of a ViT-B/32 image encoder: 88 million float32 values, 350 MB.
func largeModel(tb testing.TB) *onnx.Model {
	tb.Helper()
	m := onnx.NewModel("large", 17)
	x := "x"
	add := func(name string, in, out int) {
		v := make([]float32, in*out)
		for i := range v {
			v[i] = float32(i&1023)/1024 - 0.5
		}
		w, err := onnx.NewFloat32(name, []int{in, out}, v)
		if err != nil {
			tb.Fatal(err)
		}
		m.Graph.AddInitializer(w)
		m.Graph.AddNode("MatMul", []string{x, name}, []string{name + ".out"}).Name = name + ".matmul"
		x = name + ".out"
	}
	const width = 768
	add("patch", 3*32*32, width)
	for i := range 12 {
		add(fmt.Sprintf("block.%d.qkv", i), width, 3*width)
		add(fmt.Sprintf("block.%d.out", i), width, width)
		add(fmt.Sprintf("block.%d.fc1", i), width, 4*width)
		add(fmt.Sprintf("block.%d.fc2", i), 4*width, width)
	}
	add("projection", width, 512)
	return m
}

// BenchmarkOpen350MB opens a model of that size and reports how much heap it takes for each byte of the file.
func BenchmarkOpen350MB(b *testing.B) {
	path := filepath.Join(b.TempDir(), "large.onnx")
	if err := largeModel(b).Save(path); err != nil {
		b.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(st.Size())
	var m *onnx.Model
	for b.Loop() {
		if m, err = onnx.Open(path, onnx.DefaultLimits()); err != nil {
			b.Fatal(err)
		}
	}
	var ms runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&ms)
	b.ReportMetric(float64(ms.HeapAlloc)/float64(st.Size()), "heap/file")
	runtime.KeepAlive(m)
}

// BenchmarkFloat16 converts 88 million float16 weights to float32.
func BenchmarkFloat16(b *testing.B) {
	const n = 88 << 20
	raw := make([]byte, 2*n)
	for i := range raw {
		raw[i] = byte(i * 131 >> 3)
	}
	w, err := onnx.NewTensor("w", onnx.Float16, []int{n}, raw)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(2 * n)
	for b.Loop() {
		if _, err := w.Float32s(); err != nil {
			b.Fatal(err)
		}
	}
}
