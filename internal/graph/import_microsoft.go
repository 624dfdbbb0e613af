package graph

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// importSkipLayerNorm is LayerNorm(input + skip (+ bias)); its fourth result is the sum.
func importSkipLayerNorm(c *call) []*Value {
	g := c.g()
	x := c.in(0)
	if c.has(4) {
		x = g.Add(x, c.in(4))
	}
	sum := g.Add(x, c.in(1))
	y := g.layerNorm(sum, c.in(2), c.opt(3), len(sum.Shape)-1, c.float("epsilon", 1e-12))
	return []*Value{y, nil, nil, sum}
}

func importBiasGelu(c *call) []*Value {
	return one(c.g().Map(kernel.GELU, c.g().Add(c.in(0), c.in(1))))
}

func importFastGelu(c *call) []*Value {
	x := c.in(0)
	if c.has(1) {
		x = c.g().Add(x, c.in(1))
	}
	return one(c.g().Map(kernel.GELUTanh, x))
}

func importQuickGelu(c *call) []*Value { return one(c.swish(c.in(0), c.float("alpha", quickSlope))) }

// importMSAttention is ONNX Runtime's attention on one packed projection: weights [D, 3·H·d].
func importMSAttention(c *call) []*Value {
	g, x := c.g(), c.in(0)
	heads := c.int("num_heads", 0)
	if len(x.Shape) != 3 || heads <= 0 {
		fail("input of shape %v and %d heads", x.Shape, heads)
	}
	for i := 3; i < len(c.n.Inputs); i++ {
		if c.has(i) {
			fail("input %d (mask, past or bias) is not supported", i)
		}
	}
	if c.int("unidirectional", 0) == 1 {
		fail("unidirectional attention is not supported")
	}
	qkv := g.MatMul(x, c.in(1))
	if c.has(2) {
		qkv = g.Add(qkv, c.in(2))
	}
	sizes := c.ints("qkv_hidden_sizes")
	if sizes == nil {
		w := qkv.Shape[2] / 3
		sizes = []int{w, w, w}
	}
	var part [3]*Value
	at := 0
	for i := range part {
		part[i] = g.splitHeads(g.SliceAxis(qkv, 2, at, sizes[i]), heads)
		at += sizes[i]
	}
	scale := c.float("scale", 0)
	if scale == 0 {
		scale = float32(1 / math.Sqrt(float64(sizes[0]/heads)))
	}
	return one(g.joinHeads(g.attend(part[0], part[1], part[2], nil, scale)))
}

// splitHeads turns [B,T,H·d] into [B,H,T,d].
func (g *Graph) splitHeads(x *Value, heads int) *Value {
	s := x.Shape
	if s[2]%heads != 0 {
		fail("%d heads do not divide width %d", heads, s[2])
	}
	return g.Transpose(g.Reshape(x, []int{s[0], s[1], heads, s[2] / heads}), []int{0, 2, 1, 3})
}

// joinHeads turns [B,H,T,d] into [B,T,H·d].
func (g *Graph) joinHeads(x *Value) *Value {
	s := x.Shape
	return g.Reshape(g.Transpose(x, []int{0, 2, 1, 3}), []int{s[0], s[2], s[1] * s[3]})
}

// attend is attention on [B,H,T,d] spelt out; fusion recognises it.
func (g *Graph) attend(q, k, v, mask *Value, scale float32) *Value {
	s := g.Mul(g.emit(MatMul{TransB: true, Alpha: 1}, q, k), scalar(scale))
	if mask != nil {
		s = g.Add(s, mask)
	}
	return g.emit(MatMul{Alpha: 1}, g.emit(Softmax{}, s), v)
}
