package encoder

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// onePerFamily is one sample of each.
var onePerFamily = []string{
	"openai_vit_d64__op17_dyn", "oc330_gelu__op17_dyn", "hf_clip457_sdpa__op17_dyn", "hf_siglip457_sdpa__op17_dyn", "hf_dinov2_reg__op17_dyn", "timm_vit_sdpa__op17_dyn",
}

// spellings: what takes float16 is off by the rounding of weights alone, since the engine computes in float32.
var spellings = []spelling{
	{name: "torch export", edit: exported},
	{name: "weights stored turned", edit: storedTurned},
	{name: "nested local functions", edit: inFunctions},
	{name: "a hidden key", edit: hiddenKey, files: []string{"oc330_gelu__op17_dyn", "hf_clip457_sdpa__op17_dyn", "timm_vit_sdpa__op17_dyn"}, plain: true},
	{name: "one-dimensional convolutions", edit: convolved, files: []string{"hf_clip457_sdpa__op17_dyn", "hf_siglip457_sdpa__op17_dyn", "timm_vit_sdpa__op17_dyn"}},
	{name: "float16", edit: narrow(onnx.Float16, false), output: 4e-3, gradient: 1e-2, files: onePerFamily},
	{name: "float16 between casts", edit: narrow(onnx.Float16, true), output: 4e-3, gradient: 1e-2, files: onePerFamily},
	{name: "float16 with normalisation in float32", edit: castStorm, output: 4e-3, gradient: 1e-2, files: onePerFamily},
	{name: "bfloat16", edit: narrow(onnx.BFloat16, false), output: 4e-2, gradient: 8e-2, files: onePerFamily},
	{name: "float16 weights", edit: narrowWeights(onnx.Float16), output: 4e-3, gradient: 1e-2, files: onePerFamily},
	{name: "bfloat16 weights", edit: narrowWeights(onnx.BFloat16), output: 4e-2, gradient: 8e-2, files: onePerFamily},
	{name: "float64", edit: narrow(onnx.Float64, true), files: onePerFamily},
	{name: "int8 weights by channel", edit: integerWeights, output: 6e-2, gradient: .15, files: onePerFamily},
	{name: "int4 weights by block", edit: blockedWeights, output: .6, gradient: 1, files: onePerFamily},
	{name: "static quantisation", edit: quantiseStatically, output: .3, gradient: 1, files: onePerFamily},
}

// to stores a tensor's numbers in another type.
func to(t *testing.T, c *onnx.Tensor, d onnx.DType) *onnx.Tensor {
	t.Helper()
	v, err := c.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	var raw []byte
	for _, f := range v {
		switch d {
		case onnx.Float16:
			raw = binary.LittleEndian.AppendUint16(raw, halfOf(f))
		case onnx.BFloat16:
			bits := math.Float32bits(f)
			raw = binary.LittleEndian.AppendUint16(raw, uint16((bits+0x7fff+bits>>16&1)>>16))
		case onnx.Float64:
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(float64(f)))
		}
	}
	n, err := onnx.NewTensor(c.Name, d, c.Dims, raw)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// halfOf rounds to float16, to nearest; its range is clipped.
func halfOf(f float32) uint16 {
	sign := uint16(math.Float32bits(f)>>16) & 0x8000
	a := math.Abs(float64(f))
	switch {
	case math.IsInf(a, 0):
		return sign | 0x7c00
	case a > 65504:
		a = 65504
	}
	if a < math.Ldexp(1, -14) {
		return sign | uint16(math.RoundToEven(math.Ldexp(a, 24)))
	}
	frac, exp := math.Frexp(a) // a = frac·2^exp, ½ ≤ frac < 1
	return sign | uint16(int(math.RoundToEven(math.Ldexp(frac, 11)))+(exp+13)<<10)
}

// everyTensor replaces all float32 tensors of the model: initializers and those in nodes.
func everyTensor(m *onnx.Model, f func(c *onnx.Tensor) *onnx.Tensor) {
	list := m.Graph.Initializers
	m.Graph.Initializers = nil
	for _, c := range list {
		if c.Type == onnx.Float32 {
			c = f(c)
		}
		m.Graph.AddInitializer(c)
	}
	for _, n := range m.Graph.Nodes {
		for _, a := range n.Attrs {
			if a.Tensor != nil && a.Tensor.Type == onnx.Float32 {
				a.Tensor = f(a.Tensor)
			}
		}
	}
}

// narrow computes the whole graph in another type. With casts, inputs and outputs stay float32.
func narrow(d onnx.DType, casts bool) func(*testing.T, *onnx.Model) {
	return func(t *testing.T, m *onnx.Model) {
		everyTensor(m, func(c *onnx.Tensor) *onnx.Tensor { return to(t, c, d) })
		for _, n := range m.Graph.Nodes {
			if a := n.Attrs["to"]; a != nil && a.Int == int64(onnx.Float32) {
				a.Int = int64(d)
			}
		}
		if !casts {
			for _, v := range append(slices.Clone(m.Graph.Inputs), m.Graph.Outputs...) {
				v.Type = d
			}
			return
		}
		atInput(m, node("Cast", m.Graph.Inputs[0].Name, "narrow", onnx.IntAttr("to", int64(d))))
		for _, o := range m.Graph.Outputs {
			inner := o.Name + "_narrow"
			for _, n := range m.Graph.Nodes {
				rename(n.Inputs, o.Name, inner)
				rename(n.Outputs, o.Name, inner)
			}
			m.Graph.Nodes = append(m.Graph.Nodes, node("Cast", inner, o.Name, onnx.IntAttr("to", int64(onnx.Float32))))
		}
	}
}

func rename(list []string, from, to string) {
	for i, s := range list {
		if s == from {
			list[i] = to
		}
	}
}

// castStorm computes in float16 but for what converters keep in float32, with casts around each such node.
func castStorm(t *testing.T, m *onnx.Model) {
	kept := map[string]bool{"LayerNormalization": true, "Softmax": true, "ReduceMean": true, "Pow": true, "Sqrt": true, "ReduceL2": true, "Erf": true, "Resize": true}
	narrow(onnx.Float16, true)(t, m)
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if !kept[n.OpType] {
			return nil
		}
		var out []*onnx.Node
		for i, in := range n.Inputs {
			if c := m.Tensor(in); in == "" || c != nil && c.Type != onnx.Float16 {
				continue
			}
			wide := fmt.Sprint(n.Outputs[0], "_in", i)
			cast := wired("Cast", []string{in}, wide)
			setAttr(cast, onnx.IntAttr("to", int64(onnx.Float32)))
			n.Inputs[i], out = wide, append(out, cast)
		}
		y := n.Outputs[0]
		n.Outputs[0] = y + "_wide"
		cast := wired("Cast", []string{y + "_wide"}, y)
		setAttr(cast, onnx.IntAttr("to", int64(onnx.Float16)))
		return append(out, n, cast)
	})
}

// narrowWeights stores what products read in another type and widens it where it is read.
func narrowWeights(d onnx.DType) func(*testing.T, *onnx.Model) {
	return func(t *testing.T, m *onnx.Model) {
		eachMatrix(t, m, func(n *onnx.Node, i int, w *onnx.Tensor) []*onnx.Node {
			c := to(t, w, d)
			c.Name = fmt.Sprint(n.Outputs[0], "_narrow", i)
			m.Graph.AddInitializer(c)
			cast := wired("Cast", []string{c.Name}, c.Name+"_wide")
			setAttr(cast, onnx.IntAttr("to", int64(onnx.Float32)))
			n.Inputs[i] = c.Name + "_wide"
			return []*onnx.Node{cast}
		})
	}
}

// eachMatrix calls f for the constant matrices of products and kernels of convolutions, and puts what it gives before them.
func eachMatrix(t *testing.T, m *onnx.Model, f func(n *onnx.Node, i int, w *onnx.Tensor) []*onnx.Node) {
	count := 0
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if n.OpType != "MatMul" && n.OpType != "Gemm" && n.OpType != "Conv" {
			return nil
		}
		w := m.Tensor(n.Inputs[1])
		if w == nil || len(w.Dims) < 2 || w.Type != onnx.Float32 {
			return nil
		}
		count++
		return append(f(n, 1, w), n)
	})
	if count < 4 {
		t.Fatalf("%d matrices", count)
	}
}

// outputAxis is the axis of a node's weights along which its results lie.
func outputAxis(n *onnx.Node, w *onnx.Tensor) int {
	if n.OpType == "Conv" || n.OpType == "Gemm" && n.Attrs["transB"] != nil && n.Attrs["transB"].Int == 1 {
		return 0
	}
	return len(w.Dims) - 1
}

// integerWeights is weight-only quantisation to int8 with a scale for each output.
func integerWeights(t *testing.T, m *onnx.Model) {
	m.Opsets[""] = max(m.Opsets[""], 13)
	eachMatrix(t, m, func(n *onnx.Node, i int, w *onnx.Tensor) []*onnx.Node {
		a := outputAxis(n, w)
		name := fmt.Sprint(n.Outputs[0], "_q", i)
		quantised(t, m, w, name, a, 127, onnx.Int8, 0)
		d := wired("DequantizeLinear", []string{name, name + "_scale", name + "_zero"}, name+"_wide")
		setAttr(d, onnx.IntAttr("axis", int64(a)))
		n.Inputs[i] = name + "_wide"
		return []*onnx.Node{d}
	})
}

// quantised adds w in integers of at most top with scales along axis a, for blocks of rows of the other axis if block is
// set (matrices only).
func quantised(t *testing.T, m *onnx.Model, w *onnx.Tensor, name string, a, top int, d onnx.DType, block int) {
	v, err := w.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	inner := 1
	for _, k := range w.Dims[a+1:] {
		inner *= k
	}
	group := func(i int) int {
		if block > 0 { // [K,N], blocks along K
			return i/w.Dims[1]/block*w.Dims[1] + i%w.Dims[1]
		}
		return i / inner % w.Dims[a]
	}
	groups := group(len(v)-1) + 1
	scales := make([]float32, groups)
	for i, f := range v {
		scales[group(i)] = max(scales[group(i)], float32(math.Abs(float64(f)))/float32(top))
	}
	q := make([]int, len(v))
	for i, f := range v {
		if s := scales[group(i)]; s > 0 {
			q[i] = int(math.RoundToEven(float64(f / s)))
		}
	}
	dims, zeros := []int{groups}, make([]byte, groups)
	raw := make([]byte, len(q))
	for i, k := range q {
		raw[i] = byte(int8(k))
	}
	if block > 0 {
		dims = []int{groups / w.Dims[1], w.Dims[1]}
		raw = make([]byte, (len(q)+1)/2)
		for i, k := range q {
			raw[i/2] |= byte(k&15) << (4 * (i % 2))
		}
		zeros = make([]byte, (groups+1)/2)
	}
	for _, c := range []struct {
		name string
		dims []int
		raw  []byte
	}{{name, w.Dims, raw}, {name + "_zero", dims, zeros}} {
		k, err := onnx.NewTensor(c.name, d, c.dims, c.raw)
		if err != nil {
			t.Fatal(err)
		}
		m.Graph.AddInitializer(k)
	}
	addFloats(t, m, name+"_scale", dims, scales...)
}

// blockedWeights stores matrices in int4 with a scale for every block of 16 rows (operator set 21).
func blockedWeights(t *testing.T, m *onnx.Model) {
	newer(t, m, 21)
	eachMatrix(t, m, func(n *onnx.Node, i int, w *onnx.Tensor) []*onnx.Node {
		if n.OpType != "MatMul" || len(w.Dims) != 2 || w.Dims[0]%16 != 0 {
			return nil
		}
		name := fmt.Sprint(n.Outputs[0], "_q", i)
		quantised(t, m, w, name, 0, 7, onnx.Int4, 16)
		d := wired("DequantizeLinear", []string{name, name + "_scale", name + "_zero"}, name+"_wide")
		setAttr(d, onnx.IntAttr("axis", 0))
		setAttr(d, onnx.IntAttr("block_size", 16))
		n.Inputs[i] = name + "_wide"
		return []*onnx.Node{d}
	})
}

// quantiseStatically puts QuantizeLinear and DequantizeLinear before every operand of a product, as static quantisation does.
func quantiseStatically(t *testing.T, m *onnx.Model) {
	integerWeights(t, m)
	addFloats(t, m, "activation scale", nil, 0.06)
	zero, err := onnx.NewTensor("activation zero", onnx.Uint8, nil, []byte{128})
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.AddInitializer(zero)
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if n.OpType != "MatMul" && n.OpType != "Gemm" || !strings.HasSuffix(n.Inputs[1], "_wide") {
			return nil
		}
		y := n.Outputs[0]
		q := wired("QuantizeLinear", []string{n.Inputs[0], "activation scale", "activation zero"}, y+"_aq")
		d := wired("DequantizeLinear", []string{y + "_aq", "activation scale", "activation zero"}, y+"_a")
		n.Inputs[0] = y + "_a"
		return []*onnx.Node{q, d, n}
	})
}
