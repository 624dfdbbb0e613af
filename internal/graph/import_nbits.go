package graph

import "github.com/plumbline-ml/plumbline/internal/onnx"

// importMatMulNBits is ONNX Runtime's product with weights of a few bits: x·Wᵀ + bias, where row n of W [N,K] consists
// of blocks of block_size integers of 2, 4 or 8 bits packed into bytes, first in the low bits, each block with a scale
// and a zero point. The gradient at x is exact.
func importMatMulNBits(c *call) []*Value {
	g := c.g()
	k, n, bits, block := c.int("K", 0), c.int("N", 0), c.int("bits", 4), c.int("block_size", 0)
	if k <= 0 || n <= 0 || block < 1 || block > 1<<20 || bits != 2 && bits != 4 && bits != 8 {
		fail("K %d, N %d, block_size %d and bits %d", k, n, block, bits)
	}
	if c.has(4) {
		fail("input 4 (order of the rows, g_idx) is not supported")
	}
	blocks := (k-1)/block + 1
	packed := unpackBits(g, c.constant(1), n, blocks*block, bits)
	scale := c.in(2)
	if Size(scale.Shape) != n*blocks {
		fail("scales of shape %v for %d rows of %d blocks", scale.Shape, n, blocks)
	}
	var zero *Value
	switch {
	case !c.has(3):
		zero = scalar(float32(int(1) << (bits - 1)))
	case c.elem(3) == onnx.Uint8:
		per := (blocks*bits + 7) / 8 * 8 / bits
		zero = g.SliceAxis(unpackBits(g, c.constant(3), n, per, bits), 1, 0, blocks)
		zero = g.Reshape(zero, []int{n, blocks, 1})
	default:
		if Size(c.in(3).Shape) != n*blocks {
			fail("zero points of shape %v for %d rows of %d blocks", c.in(3).Shape, n, blocks)
		}
		zero = g.Reshape(g.float(c.in(3)), []int{n, blocks, 1})
	}
	w := g.Mul(g.Sub(g.Reshape(packed, []int{n, blocks, block}), zero), g.Reshape(scale, []int{n, blocks, 1}))
	w = g.SliceAxis(g.Reshape(w, []int{n, blocks * block}), 1, 0, k)
	y := g.MatMul(c.in(0), g.Transpose(w, []int{1, 0}))
	if c.has(5) {
		y = g.Add(y, c.in(5))
	}
	return one(y)
}

// unpackBits gives rows of per small integers as numbers.
func unpackBits(g *Graph, bytes *Tensor, rows, per, bits int) *Value {
	each := 8 / bits
	if per%each != 0 || bytes.DType == Float32 || bytes.Len() != rows*per/each {
		fail("%d packed bytes for %d rows of %d integers of %d bits", bytes.Len(), rows, per, bits)
	}
	t := g.allocate(Float32, rows, per)
	for i := range t.F {
		t.F[i] = float32(bytes.I[i/each] >> (bits * (i % each)) & (1<<bits - 1))
	}
	return Constant(t)
}
