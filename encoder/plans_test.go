package encoder

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// TestFusedPlans: the samples of every exporter run in fused operators and few of them.
func TestFusedPlans(t *testing.T) {
	root := filepath.Join("..", "testdata", "encoders")
	checkPlans(t, root)
	checkPlans(t, sharedGoldens(t))
}

func checkPlans(t *testing.T, root string) {
	for _, m := range goldens(t, root) {
		enc, err := Open(filepath.Join(root, m.File))
		if err != nil {
			t.Fatal(err)
		}
		s := enc.Spec()
		if s.Heads == 0 || strings.Contains(m.ID, "qdq") {
			continue
		}
		plan, err := enc.Schedule(false, Tokens, Embedding)
		if err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		for _, step := range plan.Steps {
			kind, _, _ := strings.Cut(step.Op, "(")
			kind, rest, _ := strings.Cut(kind, "+")
			count[kind]++
			if strings.Contains(rest, "GELU") || strings.Contains(rest, "SiLU") {
				count["activation"]++
			}
		}
		for _, part := range []string{"Softmax", "Erf", "Tanh", "Sigmoid", "ReduceMean[2]", "Sqrt"} {
			if count[part] > 1 { // one may belong to a head
				t.Errorf("%s: %d times %s", m.ID, count[part], part)
			}
		}
		if count["Attention"] < s.Depth || count["LayerNorm"] < 2*s.Depth || count["activation"] < s.Depth || len(plan.Steps) >= 25*s.Depth {
			t.Errorf("%s: %d operators for %d blocks: %v", m.ID, len(plan.Steps), s.Depth, count)
		}
	}
}

// TestNewestOperators: blocks of operator set 23 become the operators that older spellings become.
func TestNewestOperators(t *testing.T) {
	enc := built(t, func(b *blueprint) string {
		b.m.Opsets[""], b.m.IRVersion = 23, 11
		cos, sin := b.weights(0, 1, 1, 17, 3), b.weights(0, 1, 1, 17, 3)
		rms := func(x string) string { return b.op("RMSNormalization", x+" "+b.weights(1, .1, wide)) }
		head := func(x string) string {
			return b.op("Transpose", b.op("Reshape", b.linear(x, wide, wide)+" "+b.ints(0, 0, 2, 6)), onnx.IntsAttr("perm", 0, 2, 1, 3))
		}
		turn := func(x string) string {
			return b.op("RotaryEmbedding", x+" "+cos+" "+sin, onnx.IntAttr("interleaved", 1))
		}
		x := b.tokens(b.weights(0, 1, 1, 1, wide))
		return b.take(b.blocks(x, 2, func(x string) string {
			y := rms(x)
			y = b.op("Attention", turn(head(y))+" "+turn(head(y))+" "+head(y))
			y = b.op("Reshape", b.op("Transpose", y, onnx.IntsAttr("perm", 0, 2, 1, 3))+" "+b.ints(0, 0, wide))
			x = b.add(x, b.linear(y, wide, wide))
			up, gate := "up"+x, "gate"+x
			b.m.Graph.AddNode("Split", []string{b.linear(rms(x), wide, 16)}, []string{up, gate}, onnx.IntAttr("axis", -1), onnx.IntAttr("num_outputs", 2))
			gate = b.op("Gelu", gate, onnx.StringAttr("approximate", "tanh"))
			return b.add(x, b.linear(b.op("Mul", up+" "+gate), 8, wide))
		}), 0)
	})
	if got, want := factsOf(enc.Spec()), (facts{2, 2, 8, 4, 17, true, 0, ""}); got != want {
		t.Errorf("facts %+v; want %+v", got, want)
	}
	count, steps := planned(t, enc)
	if count["Attention"] != 2 || count["Rotary"] != 4 || count["RMSNorm"] != 4 || steps >= 50 {
		t.Errorf("%d operators: %v", steps, count)
	}
}

// planned counts the operators of the forward plan by kind, and all of them.
func planned(t *testing.T, enc *Model) (count map[string]int, steps int) {
	t.Helper()
	plan, err := enc.Schedule(false, Tokens, Embedding)
	if err != nil {
		t.Fatal(err)
	}
	count = map[string]int{}
	for _, s := range plan.Steps {
		kind, _, _ := strings.Cut(s.Op, "(")
		count[kind]++
	}
	return count, len(plan.Steps)
}

// edited opens a sample, changes it and saves it as another file.
func edited(t *testing.T, path string, edit func(*testing.T, *onnx.Model)) string {
	t.Helper()
	src, err := onnx.Open(path, onnx.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	edit(t, src)
	path = filepath.Join(t.TempDir(), "edited.onnx")
	if err := src.Save(path); err != nil {
		t.Fatal(err)
	}
	return path
}
