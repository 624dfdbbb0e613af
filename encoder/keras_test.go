package encoder

import (
	"context"
	"math"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// keras spells layers as tf2onnx writes those of Keras: pixels with channels last, projections of heads as Einsum with
// kernels [D,H,d], and normalisation as one factor and one offset.
type keras struct{ *blueprint }

func (k keras) pairs(op, a, b string) string { return k.op(op, a+" "+b) }

// norm is x·f + (β - mean·f) with f = γ/√(var + ε).
func (k keras) norm(x string) string {
	mean := k.op("ReduceMean", x, onnx.IntsAttr("axes", -1))
	off := k.pairs("Sub", x, mean)
	variance := k.op("ReduceMean", k.pairs("Mul", off, off), onnx.IntsAttr("axes", -1))
	root := k.op("Reciprocal", k.op("Sqrt", k.pairs("Add", variance, k.weights(1e-6, 0))))
	f := k.pairs("Mul", root, k.weights(1, .1, wide))
	return k.pairs("Add", k.pairs("Mul", x, f), k.pairs("Sub", k.weights(0, .1, wide), k.pairs("Mul", mean, f)))
}

func (k keras) einsum(equation, a, b string) string {
	return k.op("Einsum", a+" "+b, onnx.StringAttr("equation", equation))
}

// attention has two heads of 6.
func (k keras) attention(x string) string {
	project := func() string {
		return k.pairs("Add", k.einsum("abc,cde->abde", x, k.weights(0, .3, wide, 2, 6)), k.weights(0, .1, 2, 6))
	}
	q, key, v := project(), project(), project()
	q = k.pairs("Mul", q, k.weights(0.408248, 0))
	p := k.op("Softmax", k.einsum("aecd,abcd->acbe", key, q), onnx.IntAttr("axis", -1))
	y := k.einsum("acbe,aecd->abcd", p, v)
	return k.pairs("Add", k.einsum("abcd,cde->abe", y, k.weights(0, .3, 2, 6, wide)), k.weights(0, .1, wide))
}

func (k keras) mlp(x string) string {
	x = k.linear(x, wide, 20)
	erf := k.op("Erf", k.pairs("Mul", x, k.weights(0.70710678, 0)))
	x = k.pairs("Mul", k.pairs("Mul", x, k.weights(0.5, 0)), k.pairs("Add", erf, k.weights(1, 0)))
	return k.linear(x, 20, wide)
}

// TestKeras: an encoder as Keras and tf2onnx spell it has the facts and the operators of any other.
func TestKeras(t *testing.T) {
	enc := built(t, func(b *blueprint) string {
		k := keras{b}
		b.m.Graph.Inputs[0].Dims = []onnx.Dim{onnx.Symbolic("unk__1"), {Value: 32}, {Value: 32}, {Value: 3}}
		x := b.op("Transpose", "pixels", onnx.IntsAttr("perm", 0, 3, 1, 2))
		x = b.op("Conv", x+" "+b.weights(0, .1, wide, 3, 8, 8)+" "+b.weights(0, .1, wide), onnx.IntsAttr("strides", 8, 8))
		x = b.op("Reshape", b.op("Transpose", x, onnx.IntsAttr("perm", 0, 2, 3, 1))+" "+b.ints(-1, 16, wide))
		batch := b.op("Gather", b.op("Shape", x)+" "+b.ints(0))
		cls := b.op("Tile", b.named("class_token", 0, 1, 1, 1, wide)+" "+b.op("Concat", batch+" "+b.ints(1)+" "+b.ints(1), onnx.IntAttr("axis", 0)))
		x = k.pairs("Add", b.op("Concat", cls+" "+x, onnx.IntAttr("axis", 1)), b.weights(0, .5, 1, 17, wide))
		for range 2 {
			x = k.pairs("Add", x, k.attention(k.norm(x)))
			x = k.pairs("Add", x, k.mlp(k.norm(x)))
		}
		return b.take(k.norm(x), 0)
	})
	if got, want := factsOf(enc.Spec()), (facts{2, 2, 8, 4, 17, true, 0, ""}); got != want {
		t.Errorf("facts %+v; want %+v", got, want)
	}
	count, steps := planned(t, enc)
	if count["Attention"] != 2 || count["LayerNorm"] != 5 || count["Linear+bias+GELU"] != 2 || steps > 30 {
		t.Errorf("%d operators: %v", steps, count)
	}
	slope(t, enc.Raw())
}

// slope compares the gradient of the sum of squares with a central difference along it.
func slope(t *testing.T, enc Encoder) {
	t.Helper()
	x := pictures(1, enc.Spec().ImageSize[0], enc.Spec().ImageSize[1])
	_, grad := gradientAt(t, enc)
	length := 0.0
	for _, v := range grad {
		length += sq(float64(v))
	}
	length = math.Sqrt(length)
	const h = 1e-2
	var sums [2]float64
	for k, sign := range []float64{1, -1} {
		moved := x[0].Clone().(*tensor.Dense)
		for i, v := range grad {
			moved.Float32s()[i] += float32(sign * h * float64(v) / length)
		}
		acts, err := Activations(context.Background(), enc, []*tensor.Dense{moved}, Embedding)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range acts[0].Float32s() {
			sums[k] += sq(float64(v))
		}
	}
	if got := (sums[0] - sums[1]) / (2 * h); math.Abs(got-length) > 0.01*length {
		t.Errorf("central difference %g along a gradient of length %g", got, length)
	}
}
