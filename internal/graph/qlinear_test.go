package graph_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// Constants of the cases: a and b are uint8 of scale 0.05, their zero points 120 and 9; w is int8 [4,12] with a scale for
// each column. yes is a condition.
func quantisedConstants(t *testing.T) (list []*onnx.Tensor) {
	bytes := func(name string, d onnx.DType, step int, dims ...int) {
		raw := make([]byte, graph.Size(dims))
		for i := range raw {
			raw[i] = byte(17 + i*step + i*i*3)
		}
		list = append(list, rawTensor(t, name, d, dims, raw...))
	}
	number := func(name string, v ...float32) {
		c, err := onnx.NewFloat32(name, []int{len(v)}, v)
		if len(v) == 1 {
			c, err = onnx.NewFloat32(name, nil, v)
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	bytes("a", onnx.Uint8, 29, 1, 3, 4)
	bytes("b", onnx.Uint8, 43, 1, 3, 4)
	bytes("a2", onnx.Uint8, 29, 3, 4)
	bytes("image", onnx.Uint8, 37, 1, 2, 4, 4)
	bytes("planes", onnx.Uint8, 37, 1, 4, 4, 2)
	bytes("w", onnx.Int8, 31, 4, 12)
	bytes("wt", onnx.Int8, 31, 5, 4)
	number("s", 0.05)
	number("ws", .01, .012, .014, .016, .018, .02, .022, .024, .026, .028, .03, .032)
	number("wts", .02)
	number("ys", 0.07)
	number("bias", .1, .2, .3, .4, .5, .6, -.1, -.2, -.3, -.4, -.5, -.6)
	number("x", -1, .5, 2, 1, 0, -2, .3, .4, .9, 1, -1, .7)
	number("shift", .5, -.5, .25, 1)
	list = append(list, rawTensor(t, "za", onnx.Uint8, nil, 120), rawTensor(t, "zb", onnx.Uint8, nil, 9), rawTensor(t, "zw", onnx.Int8, nil, 0),
		rawTensor(t, "zy", onnx.Uint8, nil, 128), rawTensor(t, "yes", onnx.Bool, []int{4}, 1, 0, 0, 1))
	c, err := onnx.NewTensor("c", onnx.Int32, []int{5}, []byte{100, 0, 0, 0, 56, 255, 255, 255, 0, 1, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0})
	rows, err2 := onnx.NewInt64("rows", []int{2}, []int64{3, 4})
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return append(list, c, rows)
}

// TestQuantisedOperators compares operators on integers with the same formula in floats on what DequantizeLinear gives: they
// differ by half a step of the result at most, and not at all where it is no integer.
func TestQuantisedOperators(t *testing.T) {
	d := func(in, out string) *onnx.Node { return op("DequantizeLinear", in, out) }
	ms := "com.microsoft:"
	fa, fb, fy := d("a s za", "fa"), d("b s zb", "fb"), d("q ys zy", "y")
	pool := []*onnx.Attribute{onnx.IntsAttr("kernel_shape", 2, 2), onnx.IntsAttr("strides", 2, 2)}
	last := onnx.IntAttr("channels_last", 1)
	turn := func(in, out string, perm ...int64) *onnx.Node {
		return op("Transpose", in, out, onnx.IntsAttr("perm", perm...))
	}
	xr, fw := op("Reshape", "x rows", "xr"), op("DequantizeLinear", "w ws", "fw", onnx.IntAttr("axis", 1))
	heads := onnx.IntAttr("num_heads", 2)
	for _, c := range []struct {
		name      string
		quantised []*onnx.Node
		plain     []*onnx.Node
		exact     bool
	}{
		{"QLinearAdd", nodes(op(ms+"QLinearAdd", "a s za b s zb ys zy", "q"), fy), nodes(fa, fb, op("Add", "fa fb", "y")), false},
		{"QLinearMul", nodes(op(ms+"QLinearMul", "a s za b s zb ys zy", "q"), fy), nodes(fa, fb, op("Mul", "fa fb", "y")), false},
		{"QLinearLeakyRelu", nodes(op(ms+"QLinearLeakyRelu", "a s za ys zy", "q", onnx.FloatAttr("alpha", .2)), fy), nodes(fa, op("LeakyRelu", "fa", "y", onnx.FloatAttr("alpha", .2))), false},
		{"QLinearSigmoid", nodes(op(ms+"QLinearSigmoid", "a s za ys zy", "q"), fy), nodes(fa, op("Sigmoid", "fa", "y")), false},
		{"QLinearConcat", nodes(op(ms+"QLinearConcat", "ys zy a s za b s zb", "q", onnx.IntAttr("axis", 1)), fy), nodes(fa, fb, op("Concat", "fa fb", "y", onnx.IntAttr("axis", 1))), false},
		{"QLinearWhere", nodes(op(ms+"QLinearWhere", "yes a s za b s zb ys zy", "q"), fy), nodes(fa, fb, op("Where", "yes fa fb", "y")), false},
		{"QLinearReduceMean", nodes(op(ms+"QLinearReduceMean", "a s za ys zy", "q", onnx.IntsAttr("axes", 2), onnx.IntAttr("keepdims", 1)), fy), nodes(fa, op("ReduceMean", "fa", "y", onnx.IntsAttr("axes", 2))), false},
		{"QLinearAveragePool", nodes(op(ms+"QLinearAveragePool", "image s za ys zy", "q", pool...), fy), nodes(d("image s za", "f"), op("AveragePool", "f", "y", pool...)), false},
		{"QLinearAveragePool, channels last", nodes(op(ms+"QLinearAveragePool", "planes s za ys zy", "q", append(pool, last)...), fy),
			nodes(d("planes s za", "f"), turn("f", "t", 0, 3, 1, 2), op("AveragePool", "t", "p", pool...), turn("p", "y", 0, 2, 3, 1)), false},
		{"QLinearGlobalAveragePool", nodes(op(ms+"QLinearGlobalAveragePool", "image s za ys zy", "q"), fy), nodes(d("image s za", "f"), op("GlobalAveragePool", "f", "y")), false},
		{"QGemm", nodes(op(ms+"QGemm", "a2 s za wt wts zw c ys zy", "q", onnx.IntAttr("transB", 1)), fy),
			nodes(d("a2 s za", "f"), d("wt wts zw", "g"), op("Cast", "c", "cf", onnx.IntAttr("to", 1)), op("Mul", "cf s", "c1"), op("Mul", "c1 wts", "c2"),
				op("Gemm", "f g c2", "y", onnx.IntAttr("transB", 1))), false},
		{"QGemm to floats, alpha", nodes(op(ms+"QGemm", "a2 s za wt wts zw c", "y", onnx.IntAttr("transB", 1), onnx.FloatAttr("alpha", .5))),
			nodes(d("a2 s za", "f"), d("wt wts zw", "g"), op("Cast", "c", "cf", onnx.IntAttr("to", 1)), op("Mul", "cf s", "c1"), op("Mul", "c1 wts", "c2"),
				op("Gemm", "f g c2", "y", onnx.IntAttr("transB", 1), onnx.FloatAttr("alpha", .5), onnx.FloatAttr("beta", .5))), true},
		{"QAttention", nodes(op(ms+"QAttention", "a w bias s ws - za", "y", heads)),
			nodes(fa, fw, op(ms+"Attention", "fa fw bias", "y", heads)), true},
		{"GemmFastGelu", nodes(xr, fw, op(ms+"GemmFastGelu", "xr fw bias", "y")), nodes(xr, fw, op("Gemm", "xr fw bias", "g"), op(ms+"FastGelu", "g", "y")), true},
		{"TransposeMatMul", nodes(xr, fw, op(ms+"TransposeMatMul", "xr xr", "y", onnx.IntAttr("transB", 1))), nodes(xr, op("Transpose", "xr", "t"), op("MatMul", "xr t", "y")), true},
		{"FusedMatMulActivation", nodes(xr, op(ms+"FusedMatMulActivation", "xr xr", "y", onnx.IntAttr("transB", 1), onnx.StringAttr("activation", "Tanh"))),
			nodes(xr, op("Transpose", "xr", "t"), op("MatMul", "xr t", "m"), op("Tanh", "m", "y")), true},
		{"BiasSoftmax", nodes(xr, op(ms+"BiasSoftmax", "xr shift", "y", onnx.IntAttr("axis", 1), onnx.IntAttr("is_inner_broadcast", 1))),
			nodes(xr, op("Add", "xr shift", "z"), op("Softmax", "z", "y", onnx.IntAttr("axis", 1))), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			consts := quantisedConstants(t)
			got, err := folded(t, 17, nil, consts, c.quantised...)
			if err != nil {
				t.Fatal(err)
			}
			want, err := folded(t, 17, nil, consts, c.plain...)
			if err != nil {
				t.Fatal(err)
			}
			limit := 0.07 / 2
			if c.exact {
				limit = 0
			}
			if len(got) != len(want) {
				t.Fatalf("%d elements, want %d", len(got), len(want))
			}
			low, high := -128*.07, 127*.07
			for i, w := range want {
				if !c.exact {
					w = float32(min(max(float64(w), low), high))
				}
				if d := math.Abs(float64(got[i] - w)); !(d <= limit+1e-5*(1+math.Abs(float64(w)))) {
					t.Errorf("element %d is %g, want %g", i, got[i], w)
				}
			}
			if root := os.Getenv("PLUMBLINE_ORT_DIR"); root != "" {
				leaveConstants(t, filepath.Join(root, "operators", "quantised_"+strings.ReplaceAll(c.name, " ", "_")), consts, got, c.quantised)
			}
		})
	}
}

func nodes(list ...*onnx.Node) []*onnx.Node { return list }

// leaveConstants writes a model of constants and its result y for internal/ortcheck.
func leaveConstants(t *testing.T, dir string, consts []*onnx.Tensor, y []float32, list []*onnx.Node) {
	m := onnx.NewModel("constants", 17)
	m.Opsets["com.microsoft"] = 1
	used := map[string]bool{}
	for i, n := range list {
		n.Name = fmt.Sprint("node ", i)
		for _, in := range n.Inputs {
			used[in] = true
		}
	}
	for _, c := range consts {
		if used[c.Name] {
			m.Graph.AddInitializer(c)
		}
	}
	m.Graph.Nodes = list
	m.Graph.AddOutput("y", onnx.Float32)
	m.Graph.Outputs[0].HasShape = false
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := m.Save(filepath.Join(dir, "model.onnx")); err != nil {
		t.Fatal(err)
	}
	save(t, filepath.Join(dir, "out.y.npy"), y, []int{len(y)})
}
