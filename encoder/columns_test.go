package encoder

import (
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// TestColumns: tokens that lie in columns up to the first normalisation, as ONNX Runtime's optimiser leaves them where it
// moves transpositions, are found and computed as rows.
func TestColumns(t *testing.T) {
	var stem string
	enc := built(t, func(b *blueprint) string {
		x := b.op("Conv", "pixels "+b.weights(0, .1, wide, 3, 8, 8), onnx.IntsAttr("strides", 8, 8))
		x = b.op("Concat", b.weights(0, 1, 1, wide, 1)+" "+b.op("Reshape", x+" "+b.ints(1, wide, 16)), onnx.IntAttr("axis", 2))
		stem = b.op("Add", x+" "+b.weights(0, .5, 1, wide, 17))
		mean := func(x string) string { return b.op("ReduceMean", x, onnx.IntsAttr("axes", 1)) }
		two, eps := b.weights(2, 0), b.weights(1e-5, 0)
		c := b.op("Sub", stem+" "+mean(stem))
		y := b.op("Div", c+" "+b.op("Sqrt", b.op("Add", mean(b.op("Pow", c+" "+two))+" "+eps)))
		y = b.op("Add", b.op("Mul", y+" "+b.weights(1, .1, wide, 1))+" "+b.weights(0, .1, wide, 1))
		rows := func(x string) string { return b.op("Transpose", x, onnx.IntsAttr("perm", 0, 2, 1)) }
		x = b.add(rows(stem), b.attention(rows(y), nil))
		x = b.add(x, b.mlp(b.norm(x)))
		return b.take(b.preNorm(x), 0)
	})
	if got, want := factsOf(enc.Spec()), (facts{2, 2, 8, 4, 17, true, 0, ""}); got != want {
		t.Errorf("facts %+v; want %+v", got, want)
	}
	plan, err := enc.Schedule(false, Tokens)
	if err != nil {
		t.Fatal(err)
	}
	norms := 0
	for _, s := range plan.Steps {
		if strings.HasPrefix(s.Op, "LayerNorm") {
			norms++
		}
		if strings.HasPrefix(s.Op, "Transpose") || strings.HasPrefix(s.Op, "Reduce") {
			t.Errorf("%s is left", s.Op)
		}
	}
	if norms != 4 {
		t.Errorf("%d normalisations", norms)
	}
	acts := enc.look(t, Stem, Tap(stem))
	turned := make([]float32, len(acts[1]))
	for i := range 17 {
		for j := range wide {
			turned[i*wide+j] = acts[1][j*17+i]
		}
	}
	if !slices.Equal(acts[0], turned) {
		t.Error("the stem is not the tensor of the file, turned")
	}
}
