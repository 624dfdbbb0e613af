package encoder

import (
	"context"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// TestLayerScaleFolds: factors of each feature become part of the layer before them, whichever way its matrix is stored;
// a copy whose weights are trained, which keeps them apart, computes the same.
func TestLayerScaleFolds(t *testing.T) {
	var branches []string
	scaled := func(b *blueprint, x string) string { return b.op("Mul", x+" "+b.weights(.4, .2, wide)) }
	enc := built(t, func(b *blueprint) string {
		return b.take(b.blocks(b.tokens(b.weights(0, 1, 1, 1, wide)), 2, func(x string) string {
			y := b.norm(b.attention(b.norm(x), nil))
			x = b.add(x, scaled(b, y))
			y = b.op("Tanh", b.linear(b.norm(x), wide, 20))
			flat := b.op("Reshape", y+" "+b.ints(17, 20))
			y = b.op("Gemm", flat+" "+b.weights(0, .3, wide, 20)+" "+b.weights(0, .1, wide), onnx.IntAttr("transB", 1))
			branches = append(branches, y)
			return b.add(x, scaled(b, b.op("Reshape", y+" "+b.ints(1, 17, wide))))
		}), 0)
	})
	count := func(taps ...Tap) (folded, factors int) {
		plan, err := enc.Schedule(false, taps...)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range plan.Steps {
			if strings.HasPrefix(s.Op, "Linear") && strings.Contains(s.Op, "+scale+residual") {
				folded++
			}
			if s.Op == "Mul" {
				factors++
			}
		}
		return folded, factors
	}
	if folded, factors := count(Tokens); folded != 2 || factors != 0 {
		t.Errorf("%d layers took their factor, %d factors are left", folded, factors)
	}
	if folded, factors := count(Tokens, Tap(branches[0])); folded != 1 || factors != 1 {
		t.Errorf("with a tap before a factor: %d layers took theirs, %d factors are left", folded, factors)
	}
	apart, err := enc.Trainable()
	if err != nil {
		t.Fatal(err)
	}
	a, da := gradientAt(t, enc.Raw())
	b, db := gradientAt(t, apart.Raw())
	near(t, "embedding", a, b)
	near(t, "gradient", da, db)
	if slices.Equal(a, b) {
		t.Error("the trained copy was folded too")
	}
}

// gradientAt gives the embedding of an image and the gradient of its sum of squares.
func gradientAt(t *testing.T, enc Encoder) (embedding, gradient []float32) {
	t.Helper()
	ctx := context.Background()
	s := enc.Spec().ImageSize
	tr, err := enc.Trace(ctx, pictures(1, s[0], s[1]), Embedding)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	y := tr.Activation(0)
	c := y.Clone().(*tensor.Dense)
	for i, v := range y.Float32s() {
		c.Float32s()[i] = 2 * v
	}
	g, err := tr.VJP(ctx, []*tensor.Dense{c})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(y.Float32s()), slices.Clone(g[0].Float32s())
}
