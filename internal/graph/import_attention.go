package graph

import (
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// importAttention is ONNX's Attention, from operator set 23 on. Results: the output, the keys and values
// with what came before them, and the scores.
func importAttention(c *call) []*Value {
	g, q, k, v := c.g(), c.in(0), c.in(1), c.in(2)
	flat := len(q.Shape) == 3
	if flat {
		hq, hk := c.int("q_num_heads", 0), c.int("kv_num_heads", 0)
		if hq <= 0 || hk <= 0 {
			fail("q_num_heads %d and kv_num_heads %d", hq, hk)
		}
		q, k, v = g.splitHeads(q, hq), g.splitHeads(k, hk), g.splitHeads(v, hk)
	}
	if len(q.Shape) != 4 || len(k.Shape) != 4 || len(v.Shape) != 4 {
		fail("queries, keys and values have shapes %v, %v, %v", q.Shape, k.Shape, v.Shape)
	}
	if c.has(4) != c.has(5) {
		fail("past keys without past values, or values without keys")
	}
	past := 0
	if c.has(4) {
		past = c.in(4).Shape[2]
		k, v = g.Concat(2, c.in(4), k), g.Concat(2, c.in(5), v)
	}
	a := attending{scale: c.float("scale", 0), cap: c.float("softcap", 0), mask: c.opt(3)}
	if a.scale == 0 {
		a.scale = float32(1 / math.Sqrt(float64(q.Shape[3])))
	}
	if c.int("is_causal", 0) == 1 {
		a.mask = g.bothMasks(a.mask, g.causal(q.Shape[2], k.Shape[2], past))
	}
	rk, rv := g.repeatHeads(k, q.Shape[1]), g.repeatHeads(v, q.Shape[1])
	y := g.attendTo(q, rk, rv, a)
	if flat {
		y = g.joinHeads(y)
	}
	return []*Value{y, k, v}
}

// attending holds how scores are formed.
type attending struct {
	scale, cap float32
	mask       *Value // added, or boolean with true for what is seen
}

// attendTo is attention on [B,H,T,d] spelt out; fusion recognises it.
func (g *Graph) attendTo(q, k, v *Value, a attending) *Value {
	s := g.Mul(g.emit(MatMul{TransB: true, Alpha: 1}, q, k), scalar(a.scale))
	if a.cap != 0 {
		s = g.Mul(g.Map(kernel.Tanh, g.Mul(s, scalar(1/a.cap))), scalar(a.cap))
	}
	if a.mask != nil {
		s = g.Add(s, g.additive(a.mask))
	}
	return g.emit(MatMul{Alpha: 1}, g.emit(Softmax{}, s), v)
}

// additive turns a boolean mask (true is seen) into zeros and -Inf.
func (g *Graph) additive(mask *Value) *Value {
	if mask.DType == Float32 {
		return mask
	}
	return g.emit(Where{}, mask, scalar(0), scalar(float32(math.Inf(-1))))
}

func (g *Graph) bothMasks(a, b *Value) *Value {
	if a == nil {
		return b
	}
	return g.Add(g.additive(a), b)
}

// causal lets query i, which comes after past others, see keys up to its own position.
func (g *Graph) causal(tq, tk, past int) *Value {
	t := g.allocate(Float32, tq, tk)
	eachIndex(t.Shape, func(i int, at []int) {
		if at[1] > at[0]+past {
			t.F[i] = float32(math.Inf(-1))
		}
	})
	return Constant(t)
}

// repeatHeads lets groups of query heads share key or value heads (Ainslie et al., arXiv 2305.13245).
func (g *Graph) repeatHeads(x *Value, heads int) *Value {
	s := x.Shape
	if s[1] == heads {
		return x
	}
	if s[1] == 0 || heads%s[1] != 0 {
		fail("%d query heads for %d key heads", heads, s[1])
	}
	r := heads / s[1]
	x = g.Expand(g.Reshape(x, []int{s[0], s[1], 1, s[2], s[3]}), []int{s[0], s[1], r, s[2], s[3]})
	return g.Reshape(x, []int{s[0], heads, s[2], s[3]})
}

// importRotary is ONNX's RotaryEmbedding, from operator set 23 on: inputs x, cos, sin, positions.
func importRotary(c *call) []*Value {
	return one(c.rotary(c.in(0), c.in(1), c.in(2), c.opt(3)))
}

// importMSRotary is ONNX Runtime's: inputs x, positions, cos, sin.
func importMSRotary(c *call) []*Value {
	return one(c.rotary(c.in(0), c.in(2), c.in(3), c.in(1)))
}

// rotary turns pairs of features by angles that depend on the position (Su et al., arXiv 2104.09864).
// x is [B,H,T,d], or [B,T,H·d] with num_heads.
func (c *call) rotary(x, cos, sin, pos *Value) *Value {
	g, flat := c.g(), len(x.Shape) == 3
	if flat {
		heads := c.int("num_heads", 0)
		if heads == 0 && len(cos.Shape) == 2 && cos.Shape[1] > 0 {
			heads = max(x.Shape[2]/(2*cos.Shape[1]), 1)
		}
		if heads <= 0 {
			fail("num_heads %d", heads)
		}
		x = g.splitHeads(x, heads)
	}
	if len(x.Shape) != 4 {
		fail("input of shape %v", x.Shape)
	}
	t, d := x.Shape[2], x.Shape[3]
	rot := c.int("rotary_embedding_dim", 0)
	if rot == 0 {
		rot = d
	}
	if rot > d || rot%2 != 0 {
		fail("%d of %d features turn", rot, d)
	}
	angle := func(v *Value) *Value { // [B or 1, 1, T, rot/2]
		if pos != nil {
			v = g.pickAngles(v, pos, t)
		}
		if len(v.Shape) == 2 {
			v = g.Reshape(g.SliceAxis(v, 0, 0, t), []int{1, t, v.Shape[1]})
		}
		if len(v.Shape) != 3 || v.Shape[1] != t || v.Shape[2] < rot/2 {
			fail("angles of shape %v for %d positions and %d features", v.Shape, t, rot)
		}
		v = g.SliceAxis(v, 2, 0, rot/2)
		return g.Reshape(v, []int{v.Shape[0], 1, t, rot / 2})
	}
	y := g.turn(g.SliceAxis(x, 3, 0, rot), angle(cos), angle(sin), c.int("interleaved", 0) == 1)
	if rot < d {
		y = g.Concat(3, y, g.SliceAxis(x, 3, rot, d-rot))
	}
	if flat {
		y = g.joinHeads(y)
	}
	return y
}

// pickAngles looks the rows of positions up; a single position counts on from there.
func (g *Graph) pickAngles(table, pos *Value, t int) *Value {
	if Size(pos.Shape) == 1 && t > 1 {
		count := g.allocate(Int64, t).I
		for i := range count {
			count[i] = int64(i)
		}
		pos = g.Add(g.Reshape(pos, []int{1, 1}), intConst([]int{1, t}, count))
	}
	return g.emit(Gather{0}, table, pos)
}

// turn rotates each pair: neighbours if interleaved, else entry i of either half.
func (g *Graph) turn(x, cos, sin *Value, interleaved bool) *Value {
	s := slices.Clone(x.Shape)
	half := s[3] / 2
	part := func(i int) *Value {
		if interleaved {
			y := g.SliceAxis(g.Reshape(x, []int{s[0], s[1], s[2], half, 2}), 4, i, 1)
			return g.Reshape(y, []int{s[0], s[1], s[2], half})
		}
		return g.SliceAxis(x, 3, i*half, half)
	}
	a, b := part(0), part(1)
	re, im := g.Sub(g.Mul(a, cos), g.Mul(b, sin)), g.Add(g.Mul(b, cos), g.Mul(a, sin))
	if !interleaved {
		return g.Concat(3, re, im)
	}
	long := []int{s[0], s[1], s[2], half, 1}
	return g.Reshape(g.Concat(4, g.Reshape(re, long), g.Reshape(im, long)), s)
}
