package tower

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// builder appends nodes and weights to a graph.
type builder struct {
	g    *onnx.Graph
	seed uint64
	last int
	err  error
}

// node appends an operator with one output and returns the output's name.
func (b *builder) node(op string, in []string, attrs ...*onnx.Attribute) string {
	b.last++
	out := fmt.Sprintf("%s_%d", op, b.last)
	n := b.g.AddNode(op, in, []string{out}, attrs...)
	n.Name = out + "_node"
	return out
}

// rename gives a node's output another name, before anything reads it.
func (b *builder) rename(old, name string) {
	for _, n := range b.g.Nodes {
		if n.Outputs[0] == old {
			n.Outputs[0] = name
		}
	}
}

func (b *builder) add(t *onnx.Tensor, err error) string {
	if err != nil {
		b.err = err
		return ""
	}
	b.g.AddInitializer(t)
	return t.Name
}

// weight draws a tensor from a normal distribution keyed by the seed and the name.
func (b *builder) weight(name string, std float64, dims ...int) string {
	h := fnv.New64a()
	h.Write([]byte(name))
	rng := rand.New(rand.NewPCG(b.seed, h.Sum64()))
	return b.tensor(name, func(int) float32 { return float32(std * rng.NormFloat64()) }, dims...)
}

func (b *builder) tensor(name string, value func(i int) float32, dims ...int) string {
	n := 1
	for _, d := range dims {
		n *= d
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = value(i)
	}
	return b.add(onnx.NewFloat32(name, dims, v))
}

func (b *builder) filled(name string, v float32, n int) string {
	return b.tensor(name, func(int) float32 { return v }, n)
}

// ints is a constant of integers.
func (b *builder) ints(v ...int64) string {
	b.last++
	return b.add(onnx.NewInt64(fmt.Sprintf("ints_%d", b.last), []int{len(v)}, v))
}

func (b *builder) scalar(v int64) string {
	b.last++
	return b.add(onnx.NewInt64(fmt.Sprintf("int_%d", b.last), nil, []int64{v}))
}

// norm is layer normalisation.
func (b *builder) norm(name, x string, width int) string {
	scale, bias := b.filled(name+".weight", 1, width), b.filled(name+".bias", 0, width)
	return b.node("LayerNormalization", []string{x, scale, bias}, onnx.IntAttr("axis", -1), onnx.FloatAttr("epsilon", 1e-5))
}

// linear is x·W + b.
func (b *builder) linear(name, x string, std float64, in, out int) string {
	y := b.node("MatMul", []string{x, b.weight(name+".weight", std, in, out)})
	return b.node("Add", []string{y, b.filled(name+".bias", 0, out)})
}

// blocks is a stack of pre-norm transformer blocks.
type blocks struct{ width, depth, heads int }

func (c blocks) validate(embed int) error {
	if c.width < 1 || c.width > 4096 || c.depth < 1 || c.depth > 64 || c.heads < 1 || c.width%c.heads != 0 || embed < 1 || embed > 4096 {
		return fmt.Errorf("tower: width %d, depth %d, %d heads, output %d make no transformer", c.width, c.depth, c.heads, embed)
	}
	return nil
}

// blocks appends the stack; weights start as CLIP's do, residual branches smaller the deeper the stack.
func (b *builder) blocks(c blocks, x string) string {
	std := 1 / math.Sqrt(float64(c.width))
	out := std / math.Sqrt(2*float64(c.depth))
	for i := range c.depth {
		name := fmt.Sprintf("block.%d", i)
		a := b.attention(name+".attention", b.norm(name+".norm_1", x, c.width), c, std, out)
		x = b.node("Add", []string{x, a})
		h := b.linear(name+".mlp.up", b.norm(name+".norm_2", x, c.width), std/math.Sqrt2, c.width, 4*c.width)
		h = b.linear(name+".mlp.down", b.quickGELU(h), out, 4*c.width, c.width)
		x = b.node("Add", []string{x, h})
	}
	return x
}

// attention is multi-head self-attention with one projection for queries, keys and values.
func (b *builder) attention(name, x string, c blocks, std, out float64) string {
	d := c.width / c.heads
	qkv := b.linear(name+".qkv", x, std, c.width, 3*c.width)
	qkv = b.node("Reshape", []string{qkv, b.ints(0, 0, 3, int64(c.heads), int64(d))})
	qkv = b.node("Transpose", []string{qkv}, onnx.IntsAttr("perm", 2, 0, 3, 1, 4))
	part := func(i int64) string {
		return b.node("Gather", []string{qkv, b.scalar(i)}, onnx.IntAttr("axis", 0))
	}
	q, k, v := part(0), part(1), part(2)
	kt := b.node("Transpose", []string{k}, onnx.IntsAttr("perm", 0, 1, 3, 2))
	scores := b.node("MatMul", []string{q, kt})
	scale := b.tensor(name+".scale", func(int) float32 { return float32(1 / math.Sqrt(float64(d))) }, 1)
	p := b.node("Softmax", []string{b.node("Mul", []string{scores, scale})}, onnx.IntAttr("axis", -1))
	y := b.node("Transpose", []string{b.node("MatMul", []string{p, v})}, onnx.IntsAttr("perm", 0, 2, 1, 3))
	y = b.node("Reshape", []string{y, b.ints(0, 0, int64(c.width))})
	return b.linear(name+".out", y, out, c.width, c.width)
}

// quickGELU is x·σ(1.702x).
func (b *builder) quickGELU(x string) string {
	b.last++
	k := b.tensor(fmt.Sprintf("quick_gelu_%d", b.last), func(int) float32 { return 1.702 }, 1)
	s := b.node("Sigmoid", []string{b.node("Mul", []string{x, k})})
	return b.node("Mul", []string{x, s})
}
