package encoder

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// hiddenKey gives every attention one key more, which a mask of -Inf hides.
func hiddenKey(t *testing.T, m *onnx.Model) {
	addInts(t, m, "one column", []int{8}, 0, 0, 0, 0, 0, 0, 0, 1)
	addInts(t, m, "one row", []int{8}, 0, 0, 0, 0, 0, 0, 1, 0)
	addFloats(t, m, "seven", nil, 7)
	addFloats(t, m, "hidden", []int{1, 1, 1, 18}, 0)
	mask := m.Tensor("hidden")
	if err := mask.SetFloat32s(append(make([]float32, 17), float32(math.Inf(-1)))); err != nil {
		t.Fatal(err)
	}
	probabilities := map[string]bool{}
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		switch {
		case n.OpType == "Softmax":
			y := n.Outputs[0]
			probabilities[y] = true
			pad := wired("Pad", []string{n.Inputs[0], "one column", "seven"}, y+"_padded")
			n.Inputs[0] = y + "_masked"
			return []*onnx.Node{pad, wired("Add", []string{y + "_padded", "hidden"}, y+"_masked"), n}
		case n.OpType == "MatMul" && probabilities[n.Inputs[0]]:
			pad := wired("Pad", []string{n.Inputs[1], "one row", "seven"}, n.Outputs[0]+"_v")
			n.Inputs[1] = n.Outputs[0] + "_v"
			return []*onnx.Node{pad, n}
		}
		return nil
	})
	if len(probabilities) == 0 {
		t.Fatal("no attention")
	}
}

// convolved writes linear layers of tokens as convolutions of one dimension.
func convolved(t *testing.T, m *onnx.Model) {
	count := 0
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if n.OpType != "MatMul" {
			return nil
		}
		w := m.Tensor(n.Inputs[1])
		if w == nil || len(w.Dims) != 2 || strings.Contains(n.Outputs[0], "image_embeds") || strings.HasSuffix(n.Name, "projection/MatMul") {
			return nil
		}
		y := n.Outputs[0]
		addFloats(t, m, y+"_kernel", []int{w.Dims[1], w.Dims[0], 1}, turned(t, w)...)
		in, out := wired("Transpose", []string{n.Inputs[0]}, y+"_columns"), wired("Transpose", []string{y + "_conv"}, y)
		setAttr(in, onnx.IntsAttr("perm", 0, 2, 1))
		setAttr(out, onnx.IntsAttr("perm", 0, 2, 1))
		count++
		return []*onnx.Node{in, wired("Conv", []string{y + "_columns", y + "_kernel"}, y+"_conv"), out}
	})
	if count < 4 {
		t.Fatalf("%d layers", count)
	}
}

// TestDynamicQuantisationOfFamilies quantises as ONNX Runtime's quantize_dynamic does, products and the convolution that
// cuts patches: it runs forward near the original, and its gradient is refused by the node's name.
func TestDynamicQuantisationOfFamilies(t *testing.T) {
	root := sharedGoldens(t)
	for _, m := range goldens(t, root) {
		for _, f := range onePerFamily {
			if !strings.HasSuffix(m.ID, f) {
				continue
			}
			t.Run(m.ID, func(t *testing.T) {
				enc, err := Open(edited(t, root+"/"+m.File, quantiseAsRuntime))
				if err != nil {
					t.Fatal(err)
				}
				g := golden{t: t, enc: enc.Raw(), dir: root + "/" + m.Golden, model: m, limit: [2]float64{0.1, 0}}
				g.outputs("b1")
				readJSON(t, g.dir+"/info.json", &g.info)
				g.facts(enc.Spec())
				_, err = g.enc.Trace(context.Background(), g.images("b1"), Embedding)
				if err == nil || !strings.Contains(err.Error(), `node "quantise`) {
					t.Errorf("error %v does not name the node", err)
				}
			})
		}
	}
}

func quantiseAsRuntime(t *testing.T, m *onnx.Model) {
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		if n.OpType != "MatMul" && n.OpType != "Conv" {
			return nil
		}
		w := m.Tensor(n.Inputs[1])
		if w == nil {
			return nil
		}
		y := n.Outputs[0]
		name := y + "_quantized"
		quantised(t, m, w, name, outputAxis(n, w), 127, onnx.Int8, 0)
		d := wired("DynamicQuantizeLinear", n.Inputs[:1], y+"_q", y+"_scale", y+"_zero")
		d.Name = "quantise " + y
		cast := wired("Cast", []string{y + "_int"}, y+"_float")
		setAttr(cast, onnx.IntAttr("to", int64(onnx.Float32)))
		if n.OpType == "MatMul" {
			return []*onnx.Node{d, wired("MatMulInteger", []string{y + "_q", name, y + "_zero", name + "_zero"}, y+"_int"), cast,
				wired("Mul", []string{y + "_scale", name + "_scale"}, y+"_both"), wired("Mul", []string{y + "_float", y + "_both"}, y)}
		}
		addInts(t, m, y+"_channels", []int{4}, 1, -1, 1, 1)
		c := wired("ConvInteger", []string{y + "_q", name, y + "_zero"}, y+"_int")
		c.Attrs = n.Attrs
		list := []*onnx.Node{d, c, cast, wired("Mul", []string{y + "_scale", name + "_scale"}, y+"_both"),
			wired("Reshape", []string{y + "_both", y + "_channels"}, y+"_each"), wired("Mul", []string{y + "_float", y + "_each"}, y+"_bare")}
		if len(n.Inputs) < 3 {
			list[len(list)-1].Outputs[0] = y
			return list
		}
		return append(list, wired("Reshape", []string{n.Inputs[2], y + "_channels"}, y+"_bias"), wired("Add", []string{y + "_bare", y + "_bias"}, y))
	})
}
