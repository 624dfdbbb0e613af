package graph

import (
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// importMSAttention is ONNX Runtime's attention on one packed projection: weights [D, 3·H·d].
func importMSAttention(c *call) []*Value {
	if c.has(4) {
		fail("input 4 (past keys and values) is not supported")
	}
	return one(c.packedAttention(c.in(0), c.in(1), c.opt(2), 3, 5))
}

// noInput is a position that no node has.
const noInput = 1 << 30

// packedAttention projects x by w [D, 3·H·d] and attends; mask and scores are positions of a mask of keys and of what is
// added to scores.
func (c *call) packedAttention(x, w, bias *Value, mask, scores int) *Value {
	g, heads := c.g(), c.int("num_heads", 0)
	if len(x.Shape) != 3 || heads <= 0 {
		fail("input of shape %v and %d heads", x.Shape, heads)
	}
	if c.int("do_rotary", 0) == 1 {
		fail("do_rotary is not supported")
	}
	qkv := g.MatMul(x, w)
	if bias != nil {
		qkv = g.Add(qkv, bias)
	}
	sizes := c.ints("qkv_hidden_sizes")
	if sizes == nil {
		w := qkv.Shape[2] / 3
		sizes = []int{w, w, w}
	}
	if len(sizes) != 3 || sizes[0]+sizes[1]+sizes[2] != qkv.Shape[2] {
		fail("qkv_hidden_sizes %v of %d", sizes, qkv.Shape[2])
	}
	var part [3]*Value
	at := 0
	for i := range part {
		part[i] = g.splitHeads(g.SliceAxis(qkv, 2, at, sizes[i]), heads)
		at += sizes[i]
	}
	a := attending{scale: c.float("scale", 0), mask: c.keyMask(mask, x.Shape[0], x.Shape[1])}
	return g.joinHeads(c.msAttend(part, a, scores))
}

// msAttend adds what ONNX Runtime's attentions share: the score bias at input bias, causality, scale.
func (c *call) msAttend(p [3]*Value, a attending, bias int) *Value {
	g, q, k := c.g(), p[0], p[1]
	if a.scale == 0 {
		a.scale = float32(1 / math.Sqrt(float64(q.Shape[3])))
	}
	if c.has(bias) {
		b := c.in(bias)
		if a.mask == nil {
			a.mask = b
		} else {
			a.mask = g.Add(g.additive(a.mask), b)
		}
	}
	if c.int("unidirectional", 0) == 1 {
		a.mask = g.bothMasks(a.mask, g.causal(q.Shape[2], k.Shape[2], k.Shape[2]-q.Shape[2]))
	}
	return g.attendTo(q, k, p[2], a)
}

// keyMask turns a mask of keys, [B,T] of ones and zeros or a count of keys for each row, into one that is
// added to scores.
func (c *call) keyMask(i, batch, keys int) *Value {
	if !c.has(i) {
		return nil
	}
	g, m := c.g(), c.in(i)
	seen := g.emit(Cast{Bool}, m)
	switch {
	case len(m.Shape) == 1 && m.Shape[0] == batch:
		count := g.allocate(Int64, keys).I
		for j := range count {
			count[j] = int64(j)
		}
		left := g.Sub(g.Reshape(g.integer(m), []int{batch, 1}), intConst([]int{1, keys}, count))
		seen = g.Reshape(g.emit(Binary{kernel.Greater}, left, intConst([]int{}, []int64{0})), []int{batch, 1, 1, keys})
	case len(m.Shape) == 2 && m.Shape[1] == keys:
		seen = g.Reshape(seen, []int{m.Shape[0], 1, 1, keys})
	case len(m.Shape) == 3:
		seen = g.Reshape(seen, []int{m.Shape[0], 1, m.Shape[1], m.Shape[2]})
	default:
		fail("a mask of shape %v is not supported", m.Shape)
	}
	low := c.float("mask_filter_value", -10000)
	return g.emit(Where{}, seen, scalar(0), scalar(low))
}

// importMultiHeadAttention is ONNX Runtime's attention on separate or packed projections: query [B,T,H·d]
// with key and value, query with packed [B,T,H,2,d], or all packed [B,T,H,3,d].
func importMultiHeadAttention(c *call) []*Value {
	g, heads := c.g(), c.int("num_heads", 0)
	if heads <= 0 {
		fail("num_heads %d", heads)
	}
	for i := 6; i < len(c.n.Inputs); i++ {
		if c.has(i) {
			fail("input %d (past keys and values) is not supported", i)
		}
	}
	p := c.projections(heads)
	a := attending{scale: c.float("scale", 0), mask: c.keyMask(4, p[0].Shape[0], p[1].Shape[2])}
	y := c.msAttend(p, a, 5)
	return []*Value{g.joinHeads(y), p[1], p[2]}
}

// projections gives queries, keys and values as [B,H,T,d].
func (c *call) projections(heads int) (p [3]*Value) {
	g := c.g()
	var bias [3]*Value
	q := c.in(0)
	if c.has(3) {
		b := c.in(3)
		w := q.Shape[2]
		if len(q.Shape) == 5 {
			w = q.Shape[2] * q.Shape[4]
		}
		at := [4]int{0, w, 2 * w, Size(b.Shape)}
		for i := range bias {
			bias[i] = g.SliceAxis(b, 0, at[i], at[i+1]-at[i])
		}
	}
	join := func(v, bias *Value) *Value {
		if bias != nil {
			v = g.Add(v, bias)
		}
		return g.splitHeads(v, heads)
	}
	unpack := func(v *Value, i int) *Value { // [B,T,H,n,d]
		s := v.Shape
		return g.Reshape(g.SliceAxis(v, 3, i, 1), []int{s[0], s[1], s[2] * s[4]})
	}
	switch {
	case len(q.Shape) == 5:
		for i := range p {
			p[i] = join(unpack(q, i), bias[i])
		}
	case len(q.Shape) == 3 && c.has(1) && len(c.in(1).Shape) == 5:
		p[0] = join(q, bias[0])
		p[1], p[2] = join(unpack(c.in(1), 0), bias[1]), join(unpack(c.in(1), 1), bias[2])
	case len(q.Shape) == 3 && c.has(1) && c.has(2):
		p[0] = join(q, bias[0])
		for i := 1; i < 3; i++ {
			if v := c.in(i); len(v.Shape) == 4 { // [B,H,T,d] already, without bias
				p[i] = v
			} else {
				p[i] = join(v, bias[i])
			}
		}
	default:
		fail("query of shape %v with these inputs is not supported", q.Shape)
	}
	return p
}

// splitHeads turns [B,T,H·d] into [B,H,T,d].
func (g *Graph) splitHeads(x *Value, heads int) *Value {
	s := x.Shape
	if len(s) != 3 || heads <= 0 || s[2]%heads != 0 {
		fail("%d heads do not divide shape %v", heads, s)
	}
	return g.Transpose(g.Reshape(x, []int{s[0], s[1], heads, s[2] / heads}), []int{0, 2, 1, 3})
}

// joinHeads turns [B,H,T,d] into [B,T,H·d].
func (g *Graph) joinHeads(x *Value) *Value {
	s := slices.Clone(x.Shape)
	return g.Reshape(g.Transpose(x, []int{0, 2, 1, 3}), []int{s[0], s[2], s[1] * s[3]})
}
