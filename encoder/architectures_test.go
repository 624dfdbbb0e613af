package encoder

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// blueprint builds small encoders of random weights: images of 3×32×32, patches of 8, width 12.
type blueprint struct {
	t   *testing.T
	m   *onnx.Model
	rng *rand.Rand
	n   int
}

func newBlueprint(t *testing.T) *blueprint {
	b := &blueprint{t: t, m: onnx.NewModel("encoder", 17), rng: rand.New(rand.NewPCG(3, 4))}
	b.m.Graph.AddInput("pixels", onnx.Float32, onnx.Fixed(1, 3, 32, 32)...)
	return b
}

// op adds a node and gives its result; inputs are separated by spaces.
func (b *blueprint) op(name, in string, attrs ...*onnx.Attribute) string {
	b.n++
	out := fmt.Sprint("v", b.n)
	b.m.Graph.AddNode(name, strings.Fields(in), []string{out}, attrs...)
	return out
}

func (b *blueprint) ints(v ...int64) string {
	b.n++
	name := fmt.Sprint("i", b.n)
	addInts(b.t, b.m, name, []int{len(v)}, v...)
	return name
}

// named adds random weights around a mean.
func (b *blueprint) named(name string, mean, spread float64, dims ...int) string {
	n := 1
	for _, d := range dims {
		n *= d
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(mean + spread*b.rng.NormFloat64())
	}
	addFloats(b.t, b.m, name, dims, v...)
	return name
}

func (b *blueprint) weights(mean, spread float64, dims ...int) string {
	b.n++
	return b.named(fmt.Sprint("w", b.n), mean, spread, dims...)
}

const wide = 12 // features of a token

func (b *blueprint) linear(x string, in, out int) string {
	return b.op("Add", b.op("MatMul", x+" "+b.weights(0, .3, in, out))+" "+b.weights(0, .1, out))
}

func (b *blueprint) norm(x string) string {
	return b.op("LayerNormalization", x+" "+b.weights(1, .1, wide)+" "+b.weights(0, .1, wide))
}

func (b *blueprint) mlp(x string) string {
	return b.linear(b.op("Tanh", b.linear(x, wide, 20)), 20, wide)
}

func (b *blueprint) add(x, y string) string { return b.op("Add", x+" "+y) }

// attention has two heads; turn, if set, is applied to queries and keys [1,2,T,6].
func (b *blueprint) attention(x string, turn func(string) string) string {
	head := func() string {
		return b.op("Transpose", b.op("Reshape", b.linear(x, wide, wide)+" "+b.ints(1, -1, 2, 6)), onnx.IntsAttr("perm", 0, 2, 1, 3))
	}
	q, k, v := head(), head(), head()
	if turn != nil {
		q, k = turn(q), turn(k)
	}
	p := b.op("Softmax", b.op("MatMul", q+" "+b.op("Transpose", k, onnx.IntsAttr("perm", 0, 1, 3, 2))), onnx.IntAttr("axis", -1))
	y := b.op("Reshape", b.op("Transpose", b.op("MatMul", p+" "+v), onnx.IntsAttr("perm", 0, 2, 1, 3))+" "+b.ints(1, -1, wide))
	return b.linear(y, wide, wide)
}

// tokens cuts the image and puts prefix constants before the patches.
func (b *blueprint) tokens(prefix ...string) string {
	x := b.op("Conv", "pixels "+b.weights(0, .1, wide, 3, 8, 8), onnx.IntsAttr("strides", 8, 8))
	return b.sequence(x, prefix...)
}

// sequence makes tokens of a map of 4×4.
func (b *blueprint) sequence(x string, prefix ...string) string {
	x = b.op("Transpose", b.op("Reshape", x+" "+b.ints(1, wide, 16)), onnx.IntsAttr("perm", 0, 2, 1))
	if len(prefix) == 0 {
		return x
	}
	return b.op("Concat", strings.Join(prefix, " ")+" "+x, onnx.IntAttr("axis", 1))
}

func (b *blueprint) blocks(x string, n int, block func(x string) string) string {
	for range n {
		x = block(x)
	}
	return x
}

func (b *blueprint) preNorm(x string) string {
	x = b.add(x, b.attention(b.norm(x), nil))
	return b.add(x, b.mlp(b.norm(x)))
}

// mean pools the tokens from first on.
func (b *blueprint) mean(x string, first int64) string {
	x = b.op("Slice", x+" "+b.ints(first)+" "+b.ints(1<<30)+" "+b.ints(1))
	return b.op("ReduceMean", x, onnx.IntsAttr("axes", 1), onnx.IntAttr("keepdims", 0))
}

// take pools one token.
func (b *blueprint) take(x string, i int64) string {
	b.n++
	at := fmt.Sprint("i", b.n)
	addInts(b.t, b.m, at, nil, i)
	return b.op("Gather", x+" "+at, onnx.IntAttr("axis", 1))
}

// open ends the model with a pooled output and reads it back from a file.
func (b *blueprint) open(pooled string) *Model {
	b.m.Graph.AddNode("Identity", []string{pooled}, []string{"image_embeds"})
	b.m.Graph.AddOutput("image_embeds", onnx.Float32)
	path := filepath.Join(b.t.TempDir(), "model.onnx")
	if err := b.m.Save(path); err != nil {
		b.t.Fatal(err)
	}
	enc, err := Open(path)
	if err != nil {
		b.t.Fatal(err)
	}
	return enc
}

// facts of a spec that a test looks at.
type facts struct {
	depth, heads, patch, grid, tokens int
	cls                               bool
	registers                         int
	warning                           string // part of the one warning besides that about preprocessing
}

func factsOf(s Spec) facts {
	f := facts{s.Depth, s.Heads, s.Patch, s.Grid[1], s.Tokens, s.CLS, s.Registers, ""}
	for _, w := range s.Warnings {
		if !strings.Contains(w, "preprocessing") {
			f.warning += w
		}
	}
	return f
}

// TestTokenLayouts: the facts of encoders are read off their graphs, or are asked for.
func TestTokenLayouts(t *testing.T) {
	cases := []struct {
		name  string
		want  facts
		build func(b *blueprint) string
	}{
		{"class token that is pooled", facts{2, 2, 8, 4, 17, true, 0, ""}, func(b *blueprint) string {
			return b.take(b.blocks(b.tokens(b.weights(0, 1, 1, 1, wide)), 2, b.preNorm), 0)
		}},
		{"a register by its name, patches are pooled", facts{2, 2, 8, 4, 17, false, 1, ""}, func(b *blueprint) string {
			return b.mean(b.blocks(b.tokens(b.named("m.reg_token", 0, 1, 1, 1, wide)), 2, b.preNorm), 1)
		}},
		{"a class token by its name, patches are pooled", facts{1, 2, 8, 4, 17, true, 0, ""}, func(b *blueprint) string {
			return b.mean(b.blocks(b.tokens(b.named("m.cls_token", 0, 1, 1, 1, wide)), 1, b.preNorm), 1)
		}},
		{"a class token by its position, patches are pooled", facts{1, 2, 8, 4, 17, true, 0, ""}, func(b *blueprint) string {
			x := b.add(b.tokens(b.weights(0, 1, 1, 1, wide)), b.weights(0, .5, 1, 17, wide))
			return b.mean(b.blocks(x, 1, b.preNorm), 1)
		}},
		{"a token that nothing tells about", facts{1, 2, 8, 4, 17, true, 0, "say WithPrefix (--cls, --registers)"}, func(b *blueprint) string {
			return b.mean(b.blocks(b.tokens(b.weights(0, 1, 1, 1, wide)), 1, b.preNorm), 1)
		}},
		{"class token and registers", facts{2, 2, 8, 4, 20, true, 3, ""}, func(b *blueprint) string {
			return b.take(b.blocks(b.tokens(b.weights(0, 1, 1, 1, wide), b.weights(0, 1, 1, 3, wide)), 2, b.preNorm), 0)
		}},
		{"norms after the sums", facts{3, 2, 8, 4, 16, false, 0, ""}, func(b *blueprint) string {
			return b.mean(b.blocks(b.norm(b.tokens()), 3, func(x string) string {
				x = b.norm(b.add(x, b.attention(x, nil)))
				return b.norm(b.add(x, b.mlp(x)))
			}), 0)
		}},
		{"two attentions side by side", facts{2, 2, 8, 4, 16, false, 0, ""}, func(b *blueprint) string {
			return b.mean(b.blocks(b.tokens(), 2, func(x string) string {
				y := b.norm(x)
				x = b.add(x, b.add(b.attention(y, nil), b.attention(y, nil)))
				return b.add(x, b.mlp(b.norm(x)))
			}), 0)
		}},
		{"a stem of overlapping convolutions", facts{1, 2, 8, 4, 16, false, 0, ""}, func(b *blueprint) string {
			x := "pixels"
			for i, c := range []int{3, 6, 8} {
				out := []int{6, 8, wide}[i]
				x = b.op("Relu", b.op("Conv", x+" "+b.weights(0, .2, out, c, 3, 3), onnx.IntsAttr("strides", 2, 2), onnx.IntsAttr("pads", 1, 1, 1, 1)))
			}
			return b.mean(b.blocks(b.sequence(x), 1, b.preNorm), 0)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := factsOf(built(t, c.build).Spec())
			if got.warning != "" && c.want.warning != "" && strings.Contains(got.warning, c.want.warning) {
				got.warning = c.want.warning
			}
			if got != c.want {
				t.Errorf("facts %+v; want %+v", got, c.want)
			}
		})
	}
}

// built opens what a function draws.
func built(t *testing.T, draw func(b *blueprint) string) *Model {
	b := newBlueprint(t)
	return b.open(draw(b))
}

// TestNormsAfterSums: where blocks end in a norm, so does the last.
func TestNormsAfterSums(t *testing.T) {
	enc := built(t, func(b *blueprint) string {
		return b.mean(b.blocks(b.norm(b.tokens()), 2, func(x string) string {
			x = b.norm(b.add(x, b.attention(x, nil)))
			return b.norm(b.add(x, b.mlp(x)))
		}), 0)
	})
	acts := enc.look(t, Tokens, Embedding)
	for j := range wide {
		sum := float32(0)
		for i := range 16 {
			sum += acts[0][i*wide+j]
		}
		if d := sum/16 - acts[1][j]; d > 1e-5 || d < -1e-5 {
			t.Fatalf("feature %d: the mean over tokens is %g, the pooled output %g", j, sum/16, acts[1][j])
		}
	}
}

// look gives the values at taps for one image of noise.
func (m *Model) look(t *testing.T, taps ...Tap) (values [][]float32) {
	rng := rand.New(rand.NewPCG(5, 6))
	x := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(3, 32, 32))
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(rng.NormFloat64())
	}
	acts, err := Activations(context.Background(), m.Raw(), []*tensor.Dense{x}, taps...)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range acts {
		values = append(values, a.Float32s())
	}
	return values
}

// conv is a convolution of c to out channels, depthwise if group is not 1.
func (b *blueprint) conv(x string, c, out, side, stride, group int64) string {
	pad := (side - 1) / 2
	w := b.weights(0, .3, int(out), int(c/group), int(side), int(side))
	return b.op("Conv", x+" "+w, onnx.IntsAttr("strides", stride, stride), onnx.IntsAttr("pads", pad, pad, pad, pad), onnx.IntAttr("group", group))
}

// TestConvolutionalStages: sums of the branches of one convolution are no stages, nor are sums within a branch,
// and a depthwise convolution before the first sum belongs to the first block.
func TestConvolutionalStages(t *testing.T) {
	var stem string
	enc := built(t, func(b *blueprint) string {
		mlp := func(x string, c int64) string { // with a sum of its own, as global response normalisation has it
			y := b.op("Tanh", b.conv(x, c, 4*c, 1, 1, 1))
			y = b.add(y, b.op("Mul", y+" "+b.op("GlobalAveragePool", y)))
			return b.conv(y, 4*c, c, 1, 1, 1)
		}
		stem = b.op("Relu", b.add(b.conv("pixels", 3, 8, 3, 2, 1), b.conv("pixels", 3, 8, 1, 2, 1)))
		x := b.add(b.conv(stem, 8, 8, 7, 1, 8), b.conv(stem, 8, 8, 3, 1, 8))
		x = b.add(x, mlp(x, 8))
		x = b.conv(x, 8, 16, 2, 2, 1)
		x = b.add(x, mlp(x, 16))
		x = b.add(x, mlp(x, 16))
		return b.op("Flatten", b.op("GlobalAveragePool", x))
	})
	if s := enc.Spec(); s.Depth != 2 || s.Heads != 0 || s.Width != 16 || len(s.Warnings) > 1 {
		t.Errorf("%d stages of width %d with %d heads; warnings %q", s.Depth, s.Width, s.Heads, s.Warnings)
	}
	acts := enc.look(t, Stem, Tap(stem))
	if !slices.Equal(acts[0], acts[1]) {
		t.Error("the stem is not what enters the first block")
	}
}

// TestStandardisedWeights: batch normalisation in training mode is no batch's matter on constants.
func TestStandardisedWeights(t *testing.T) {
	enc := built(t, func(b *blueprint) string {
		flat := b.weights(0, .5, 1, wide, 3*8*8)
		one, zero := b.weights(1, 0, wide), b.weights(0, 0, wide)
		w := b.op("BatchNormalization", strings.Join([]string{flat, one, zero, zero, one}, " "), onnx.IntAttr("training_mode", 1))
		x := b.op("Conv", "pixels "+b.op("Reshape", w+" "+b.ints(wide, 3, 8, 8)), onnx.IntsAttr("strides", 8, 8))
		return b.mean(b.blocks(b.sequence(x), 1, b.preNorm), 0)
	})
	if f := factsOf(enc.Spec()); f.depth != 1 || f.patch != 8 {
		t.Errorf("facts %+v", f)
	}
}
