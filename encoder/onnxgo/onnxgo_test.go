package onnxgo

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"

	upstream "github.com/owulveryck/onnx-go"
	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// sample is a small encoder as bytes.
func sample(t *testing.T) []byte {
	rng := rand.New(rand.NewPCG(1, 1))
	m := onnx.NewModel("sample", 11)
	floats := func(name string, dims ...int) {
		n := 1
		for _, d := range dims {
			n *= d
		}
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		c, err := onnx.NewFloat32(name, dims, v)
		if err != nil {
			t.Fatal(err)
		}
		m.Graph.AddInitializer(c)
	}
	floats("kernel", 8, 3, 4, 4)
	floats("weight", 8, 5)
	shape, err := onnx.NewInt64("shape", []int{3}, []int64{0, 8, -1})
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.AddInput("pixels", onnx.Float32, onnx.Fixed(1, 3, 16, 16)...)
	g := m.Graph
	g.AddNode("Constant", nil, []string{"shape"}, onnx.TensorAttr("value", shape))
	g.AddNode("Conv", []string{"pixels", "kernel"}, []string{"map"}, onnx.IntsAttr("strides", 4, 4))
	g.AddNode("Reshape", []string{"map", "shape"}, []string{"rows"})
	g.AddNode("Transpose", []string{"rows"}, []string{"tokens"}, onnx.IntsAttr("perm", 0, 2, 1))
	g.AddNode("Softmax", []string{"tokens"}, []string{"share"}, onnx.IntAttr("axis", 2))
	g.AddNode("Mul", []string{"share", "share"}, []string{"square"})
	g.AddNode("ReduceMean", []string{"square"}, []string{"mean"}, onnx.IntsAttr("axes", 1), onnx.IntAttr("keepdims", 0))
	g.AddNode("MatMul", []string{"mean", "weight"}, []string{"embedding"})
	g.AddOutput("embedding", onnx.Float32, onnx.Fixed(1, 5)...)
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestEncoder compares the encoder by way of onnx-go with the one read from the file: output and gradient.
func TestEncoder(t *testing.T) {
	file := sample(t)
	b := new(Backend)
	if err := upstream.NewModel(b).UnmarshalBinary(file); err != nil {
		t.Fatal(err)
	}
	got, err := b.Encoder(Options{Opset: 11, Input: "pixels", Height: 16, Width: 16})
	if err != nil {
		t.Fatal(err)
	}
	want, err := encoder.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 3*16*16)
	for i := range x {
		x[i] = float32(i%17) / 17
	}
	img := []*tensor.Dense{tensor.New(tensor.WithShape(3, 16, 16), tensor.WithBacking(x))}
	a, da := run(t, got, img)
	c, dc := run(t, want, img)
	for i := range c {
		if a[i] != c[i] {
			t.Fatalf("output %d is %g, want %g", i, a[i], c[i])
		}
	}
	for i := range dc {
		if da[i] != dc[i] {
			t.Fatalf("gradient %d is %g, want %g", i, da[i], dc[i])
		}
	}
}

func run(t *testing.T, m *encoder.Model, img []*tensor.Dense) (out, grad []float32) {
	tr, err := m.Raw().Trace(context.Background(), img, encoder.Embedding)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	out = append(out, tr.Activation(0).Float32s()...)
	g, err := tr.VJP(context.Background(), []*tensor.Dense{tr.Activation(0).Clone().(*tensor.Dense)})
	if err != nil {
		t.Fatal(err)
	}
	return out, append(grad, g[0].Float32s()...)
}

func TestOptions(t *testing.T) {
	b := new(Backend)
	if err := upstream.NewModel(b).UnmarshalBinary(sample(t)); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{}, {Opset: 11, Height: 16, Width: 16}, {Opset: 11, Input: "phantom", Height: 16, Width: 16}} {
		if _, err := b.Encoder(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}
