// Package vit writes CLIP-shaped vision transformers as ONNX models with seeded weights, for benchmarks
// and tests.
package vit

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// Shape is the geometry of a transformer: square images and patches in pixels, token width, blocks,
// attention heads, and the width of the embedding.
type Shape struct{ Image, Patch, Width, Depth, Heads, Out int }

// The shapes benchmarks are run on, by name.
var Shapes = map[string]Shape{
	"tiny": {64, 8, 128, 6, 2, 64},
	"b32":  {224, 32, 768, 12, 12, 512},
	"b16":  {224, 16, 768, 12, 12, 512},
	"l14":  {224, 14, 1024, 24, 16, 768},
}

// Tokens is the sequence length: one class token and the patches.
func (s Shape) Tokens() int { n := s.Image / s.Patch; return n*n + 1 }

// FLOPs counts the multiplications and additions of one image's forward pass in matrix products.
func (s Shape) FLOPs() float64 {
	t, w := float64(s.Tokens()), float64(s.Width)
	patch := 2 * (t - 1) * w * float64(3*s.Patch*s.Patch)
	block := 2*t*12*w*w + 4*t*t*w
	return patch + float64(s.Depth)*block + 2*w*float64(s.Out)
}

// builder adds nodes and weights to a graph under construction.
type builder struct {
	g   *onnx.Graph
	rng *rand.Rand
	n   int
}

// Model writes the transformer: image_embeds [N,Out] and last_hidden_state [N,T,Width] from
// pixel_values [N,3,H,W]. Weights are normal with standard deviation 0.02, norms are 1 and 0.
func (s Shape) Model(seed uint64) *onnx.Model {
	m := onnx.NewModel("vit", 17)
	b := &builder{g: m.Graph, rng: rand.New(rand.NewPCG(seed, 0))}
	t := s.Tokens()
	b.g.AddInput("pixel_values", onnx.Float32, onnx.Symbolic("batch"), onnx.Fixed(3)[0], onnx.Fixed(s.Image)[0], onnx.Fixed(s.Image)[0])
	x := b.op("Conv", []string{"pixel_values", b.weight(0.02, s.Width, 3, s.Patch, s.Patch)},
		onnx.IntsAttr("strides", int64(s.Patch), int64(s.Patch)), onnx.IntsAttr("kernel_shape", int64(s.Patch), int64(s.Patch)))
	x = b.op("Reshape", []string{x, b.ints(0, int64(s.Width), -1)})
	x = b.op("Transpose", []string{x}, onnx.IntsAttr("perm", 0, 2, 1))
	first := b.op("Slice", []string{x, b.ints(0), b.ints(1), b.ints(1)})
	cls := b.op("Expand", []string{b.weight(0.02, 1, 1, s.Width), b.op("Shape", []string{first})})
	x = b.op("Concat", []string{cls, x}, onnx.IntAttr("axis", 1))
	x = b.op("Add", []string{x, b.weight(0.02, t, s.Width)})
	x = b.norm(x, s.Width)
	for range s.Depth {
		x = b.block(x, s)
	}
	b.output("last_hidden_state", x, t, s.Width)
	x = b.op("Gather", []string{x, b.scalar(0)}, onnx.IntAttr("axis", 1))
	x = b.norm(x, s.Width)
	b.output("image_embeds", b.op("MatMul", []string{x, b.weight(0.04, s.Width, s.Out)}), s.Out)
	return m
}

// block is one pre-norm residual block with QuickGELU.
func (b *builder) block(x string, s Shape) string {
	w, h := int64(s.Width), int64(s.Heads)
	qkv := b.linear(b.norm(x, s.Width), s.Width, 3*s.Width)
	qkv = b.op("Reshape", []string{qkv, b.ints(0, 0, 3, h, w/h)})
	qkv = b.op("Transpose", []string{qkv}, onnx.IntsAttr("perm", 2, 0, 3, 1, 4))
	var part [3]string
	for i := range part {
		part[i] = b.op("Gather", []string{qkv, b.scalar(int64(i))}, onnx.IntAttr("axis", 0))
	}
	kt := b.op("Transpose", []string{part[1]}, onnx.IntsAttr("perm", 0, 1, 3, 2))
	a := b.op("Div", []string{b.op("MatMul", []string{part[0], kt}), b.float(float32(math.Sqrt(float64(w / h))))})
	a = b.op("MatMul", []string{b.op("Softmax", []string{a}, onnx.IntAttr("axis", -1)), part[2]})
	a = b.op("Reshape", []string{b.op("Transpose", []string{a}, onnx.IntsAttr("perm", 0, 2, 1, 3)), b.ints(0, 0, w)})
	x = b.op("Add", []string{x, b.linear(a, s.Width, s.Width)})
	y := b.linear(b.norm(x, s.Width), s.Width, 4*s.Width)
	y = b.op("Mul", []string{y, b.op("Sigmoid", []string{b.op("Mul", []string{y, b.float(1.702)})})})
	return b.op("Add", []string{x, b.linear(y, 4*s.Width, s.Width)})
}

// output names the graph's output.
func (b *builder) output(name, x string, dims ...int) {
	b.g.AddNode("Identity", []string{x}, []string{name})
	b.g.AddOutput(name, onnx.Float32, append([]onnx.Dim{onnx.Symbolic("batch")}, onnx.Fixed(dims...)...)...)
}

// op adds a node with one result and returns its name.
func (b *builder) op(kind string, in []string, attrs ...*onnx.Attribute) string {
	b.n++
	out := fmt.Sprintf("%s_%d", kind, b.n)
	b.g.AddNode(kind, in, []string{out}, attrs...).Name = "node_" + out
	return out
}

func (b *builder) norm(x string, w int) string {
	return b.op("LayerNormalization", []string{x, b.fill(1, w), b.fill(0, w)}, onnx.FloatAttr("epsilon", 1e-5))
}

func (b *builder) linear(x string, in, out int) string {
	y := b.op("MatMul", []string{x, b.weight(0.02, in, out)})
	return b.op("Add", []string{b.fill(0, out), y})
}

// add adds an initializer; the shapes here are always right, so an error is a mistake in this file.
func (b *builder) add(t *onnx.Tensor, err error) string {
	if err != nil {
		panic(err)
	}
	b.g.AddInitializer(t)
	return t.Name
}

func (b *builder) name(kind string) string { b.n++; return fmt.Sprintf("%s_%d", kind, b.n) }

func (b *builder) weight(std float64, dims ...int) string {
	n := 1
	for _, d := range dims {
		n *= d
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(std * b.rng.NormFloat64())
	}
	return b.add(onnx.NewFloat32(b.name("weight"), dims, v))
}

func (b *builder) fill(v float32, n int) string {
	s := make([]float32, n)
	for i := range s {
		s[i] = v
	}
	return b.add(onnx.NewFloat32(b.name("param"), []int{n}, s))
}

func (b *builder) float(v float32) string {
	return b.add(onnx.NewFloat32(b.name("scalar"), nil, []float32{v}))
}

func (b *builder) ints(v ...int64) string {
	return b.add(onnx.NewInt64(b.name("shape"), []int{len(v)}, v))
}

func (b *builder) scalar(v int64) string {
	return b.add(onnx.NewInt64(b.name("index"), nil, []int64{v}))
}
