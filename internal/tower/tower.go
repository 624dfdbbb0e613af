// Package tower writes CLIP-style transformers with random weights as ONNX graphs: the networks that are
// trained from nothing.
package tower

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// Opset is the operator set of the graphs, the first with LayerNormalization.
const Opset = 17

// Image describes a vision tower: the ViT of CLIP (Radford et al., arXiv 2103.00020, section 2.4), with
// layer normalisation before and after the blocks, QuickGELU, a class token and a linear projection.
type Image struct {
	Size  int `json:"size"`  // pixels a side
	Patch int `json:"patch"` // pixels a side
	Width int `json:"width"`
	Depth int `json:"depth"`
	Heads int `json:"heads"`
	Embed int `json:"embed"` // length of the output
}

// Validate reports the first field that makes no network.
func (c Image) Validate() error {
	if c.Patch < 1 || c.Size < c.Patch || c.Size%c.Patch != 0 || c.Size > 1024 {
		return fmt.Errorf("tower: images of %d pixels in patches of %d", c.Size, c.Patch)
	}
	return blocks{c.Width, c.Depth, c.Heads}.validate(c.Embed)
}

// Model writes the network with weights drawn from the seed. Input "pixel_values" N×3×Size×Size; outputs
// "image_embeds" N×Embed and "last_hidden_state" N×(1+patches)×Width.
func (c Image) Model(seed uint64) (*onnx.Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m := onnx.NewModel("vit", Opset)
	b := &builder{g: m.Graph, seed: seed}
	n := onnx.Symbolic("batch")
	side := c.Size / c.Patch
	tokens := side*side + 1
	m.Graph.AddInput("pixel_values", onnx.Float32, n, dim(3), dim(c.Size), dim(c.Size))
	m.Graph.AddOutput("image_embeds", onnx.Float32, n, dim(c.Embed))
	m.Graph.AddOutput("last_hidden_state", onnx.Float32, n, dim(tokens), dim(c.Width))

	k := c.Patch
	w := b.weight("patch.weight", 1/math.Sqrt(float64(3*k*k)), c.Width, 3, k, k)
	p := int64(k)
	x := b.node("Conv", []string{"pixel_values", w}, onnx.IntsAttr("kernel_shape", p, p), onnx.IntsAttr("strides", p, p))
	x = b.node("Reshape", []string{x, b.ints(0, int64(c.Width), -1)})
	x = b.node("Transpose", []string{x}, onnx.IntsAttr("perm", 0, 2, 1))
	scale := 1 / math.Sqrt(float64(c.Width))
	x = b.node("Concat", []string{b.classToken(scale, c.Width), x}, onnx.IntAttr("axis", 1))
	x = b.node("Add", []string{x, b.weight("position", scale, tokens, c.Width)})
	x = b.norm("pre_norm", x, c.Width)
	x = b.blocks(blocks{c.Width, c.Depth, c.Heads}, x)
	b.rename(x, "last_hidden_state")
	b.pool("last_hidden_state", "image_embeds", c.Width, c.Embed)
	return m, b.err
}

// classToken repeats the class token for every image of the batch.
func (b *builder) classToken(scale float64, width int) string {
	shape := b.node("Shape", []string{"pixel_values"})
	n := b.node("Slice", []string{shape, b.ints(0), b.ints(1)})
	to := b.node("Concat", []string{n, b.ints(1, int64(width))}, onnx.IntAttr("axis", 0))
	return b.node("Expand", []string{b.weight("class_token", scale, 1, 1, width), to})
}

// pool reads the embedding off the first token.
func (b *builder) pool(tokens, out string, width, embed int) {
	first := b.node("Gather", []string{tokens, b.scalar(0)}, onnx.IntAttr("axis", 1))
	x := b.norm("post_norm", first, width)
	x = b.node("MatMul", []string{x, b.weight("projection", 1/math.Sqrt(float64(width)), width, embed)})
	b.rename(x, out)
}

// Text describes a text tower: a transformer over token ids, whose output is read at the first token.
type Text struct {
	Vocab int `json:"vocab"`
	Len   int `json:"len"` // tokens, padding included
	Width int `json:"width"`
	Depth int `json:"depth"`
	Heads int `json:"heads"`
	Embed int `json:"embed"`
}

// Model writes the network with weights drawn from the seed. Input "tokens" N×1×1×Len holds ids as
// floats, so that every reader of image models reads it too; output "text_embeds" N×Embed.
func (c Text) Model(seed uint64) (*onnx.Model, error) {
	if c.Vocab < 2 || c.Vocab > 1<<20 || c.Len < 1 || c.Len > 1<<12 {
		return nil, fmt.Errorf("tower: %d tokens of a vocabulary of %d", c.Len, c.Vocab)
	}
	if err := (blocks{c.Width, c.Depth, c.Heads}).validate(c.Embed); err != nil {
		return nil, err
	}
	m := onnx.NewModel("text", Opset)
	b := &builder{g: m.Graph, seed: seed}
	n := onnx.Symbolic("batch")
	m.Graph.AddInput("tokens", onnx.Float32, n, dim(1), dim(1), dim(c.Len))
	m.Graph.AddOutput("text_embeds", onnx.Float32, n, dim(c.Embed))
	ids := b.node("Cast", []string{"tokens"}, onnx.IntAttr("to", int64(onnx.Int64)))
	ids = b.node("Reshape", []string{ids, b.ints(-1, int64(c.Len))})
	x := b.node("Gather", []string{b.weight("vocabulary", 0.1, c.Vocab, c.Width), ids}, onnx.IntAttr("axis", 0))
	x = b.node("Add", []string{x, b.weight("position", 0.05, c.Len, c.Width)})
	x = b.blocks(blocks{c.Width, c.Depth, c.Heads}, x)
	b.pool(x, "text_embeds", c.Width, c.Embed)
	return m, b.err
}

func dim(n int) onnx.Dim { return onnx.Dim{Value: int64(n)} }
