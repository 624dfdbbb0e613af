package encoder

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// variant is a way in which exporters write the same encoder.
type variant struct {
	name, file string
	edit       func(t *testing.T, m *onnx.Model)
}

const (
	plainFile = "e_op18_reduce_axes_input"
	geluFile  = "e_op20_ir9_gelu"
	normFile  = "openai_vit_d64__op17_dyn"
	tornFile  = "openai_vit_d64__op14_dyn"
)

var variants = []variant{
	{"channels last", plainFile, channelsLast},
	{"byte pixels", plainFile, inputType(onnx.Uint8)},
	{"float16 interface", plainFile, inputType(onnx.Float16)},
	{"bfloat16 interface", plainFile, inputType(onnx.BFloat16)},
	{"einsum", plainFile, withEinsum},
	{"softmax spelt out", plainFile, spellSoftmax},
	{"mask of zeros", plainFile, maskScores},
	{"instance normalisation", normFile, instanceNorm},
	{"torn normalisations", tornFile, tearNorms},
	{"group normalisation", normFile, groupNormLayer},
	{"local function", geluFile, localFunction},
	{"unsorted, dead and oddly named nodes", plainFile, disorder},
	{"constants as nodes", plainFile, constantNodes},
	{"initializers as inputs", plainFile, initializersAsInputs},
	{"sequences", plainFile, sequences},
	{"branches on shapes", plainFile, branches},
	{"loops", plainFile, loops},
	{"Attention-23", plainFile, attention23},
	{"com.microsoft MultiHeadAttention", plainFile, multiHead},
	{"fixed batch of one", plainFile, fixedBatch(1)},
	{"open image size", plainFile, openSize},
	{"fixed batch of two", plainFile, fixedBatch(2)},
	{"fixed batch of five, tokens first", normFile, fixedBatch(5)},
}

func TestVariants(t *testing.T) {
	root := sharedGoldens(t)
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			for _, m := range goldens(t, root) {
				if !strings.HasSuffix(m.ID, v.file) {
					continue
				}
				checkVariant(t, root, edited(t, filepath.Join(root, m.File), v.edit), m)
			}
		})
	}
}

// checkVariant runs the edited file against the goldens of the original.
func checkVariant(t *testing.T, root, path string, m goldenModel) {
	enc, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, m.Golden)
	var info goldenInfo
	readJSON(t, filepath.Join(dir, "info.json"), &info)
	g := golden{t: t, enc: enc.Raw(), dir: dir, model: m, info: info}
	g.outputs("b3")
	g.gradients("b1")
	g.hidden()
	s := enc.Spec()
	if s.Depth != info.Layers || s.Prefix() != info.HiddenPrefix || s.Heads != 4 || s.Patch != 8 {
		t.Errorf("%d blocks of %d heads, %d prefix tokens, patch %d; warnings %q", s.Depth, s.Heads, s.Prefix(), s.Patch, s.Warnings)
	}
	plan, err := enc.Schedule(false, Embedding)
	if err != nil {
		t.Fatal(err)
	}
	fused := 0
	for _, step := range plan.Steps {
		if strings.HasPrefix(step.Op, "Attention(") {
			fused++
		}
	}
	if fused != s.Depth || len(plan.Steps) > 25*s.Depth {
		t.Errorf("%d fused attentions in %d steps for %d blocks", fused, len(plan.Steps), s.Depth)
	}
}

// TestDynamicQuantisation: dynamic quantisation runs forward, and its gradient is refused by name.
func TestDynamicQuantisation(t *testing.T) {
	root := sharedGoldens(t)
	enc, err := Open(edited(t, filepath.Join(root, "models", plainFile+".onnx"), quantiseDynamically))
	if err != nil {
		t.Fatal(err)
	}
	g := golden{t: t, enc: enc.Raw(), dir: filepath.Join(root, "golden", "e_gelu")}
	acts, err := Activations(context.Background(), g.enc, g.images("b1"), Embedding)
	if err != nil {
		t.Fatal(err)
	}
	g.same("embed_b1", acts[0].Float32s(), 0.1)
	_, err = g.enc.Trace(context.Background(), g.images("b1"), Embedding)
	if err == nil || !strings.Contains(err.Error(), `node "quantise`) || !strings.Contains(err.Error(), "DynamicQuantizeLinear") {
		t.Errorf("error %v does not name the node", err)
	}
}

// quantiseDynamically turns the linear layers into products of bytes.
func quantiseDynamically(t *testing.T, m *onnx.Model) {
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		w := m.Tensor(n.Inputs[len(n.Inputs)-1])
		if n.OpType != "MatMul" || w == nil {
			return nil
		}
		v, err := w.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		top := float32(0)
		for _, f := range v {
			top = max(top, f, -f)
		}
		raw := make([]byte, len(v))
		for i, f := range v {
			raw[i] = byte(int8(f / top * 127))
		}
		y := n.Outputs[0]
		q, err := onnx.NewTensor(y+"_w", onnx.Int8, w.Dims, raw)
		if err != nil {
			t.Fatal(err)
		}
		m.Graph.AddInitializer(q)
		addFloats(t, m, y+"_s", nil, top/127)
		d := node("DynamicQuantizeLinear", n.Inputs[0], y+"_x "+y+"_xs "+y+"_xz")
		d.Name = "quantise " + y
		return []*onnx.Node{
			d, node("MatMulInteger", y+"_x "+y+"_w "+y+"_xz", y+"_int"),
			node("Cast", y+"_int", y+"_f", onnx.IntAttr("to", int64(onnx.Float32))),
			node("Mul", y+"_xs "+y+"_s", y+"_scale"), node("Mul", y+"_f "+y+"_scale", y),
		}
	})
}
