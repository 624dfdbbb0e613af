package graph

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/kernel"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// Indexing operators become one Gather of rows by flat positions, so that constant and computed indices,
// forward and backward, share one implementation.

// intConst is a constant integer array.
func intConst(shape []int, v []int64) *Value {
	return Constant(&Tensor{DType: Int64, Shape: shape, I: v})
}

// wrap adds n to negative indices; n broadcasts over idx. Constant indices are checked.
func (g *Graph) wrap(idx, n *Value) *Value {
	neg := g.emit(Binary{kernel.Less}, idx, intConst([]int{}, []int64{0}))
	idx = g.emit(Where{}, neg, g.Add(idx, n), idx)
	if idx.Const != nil && n.Const != nil {
		st := broadcastStrides(n.Shape, idx.Shape)
		eachIndex(idx.Shape, func(i int, at []int) {
			if v, lim := idx.Const.I[i], n.Const.I[dot(at, st)]; v < 0 || v >= lim {
				fail("index %d is outside an axis of %d", v, lim)
			}
		})
	}
	return idx
}

// elementPositions gives, for indices along axis a of an array of the given shape, the flat position of
// each entry; the other coordinates are those of the entry itself.
func (g *Graph) elementPositions(idx *Value, shape []int, a int) *Value {
	if len(idx.Shape) != len(shape) {
		fail("indices of shape %v for data of shape %v", idx.Shape, shape)
	}
	for i, n := range idx.Shape {
		if i != a && n > shape[i] {
			fail("indices of shape %v for data of shape %v", idx.Shape, shape)
		}
	}
	st := Strides(shape)
	rest := g.allocate(Int64, idx.Shape...).I
	eachIndex(idx.Shape, func(i int, at []int) { rest[i] = int64(dot(at, st) - at[a]*st[a]) })
	idx = g.wrap(g.integer(idx), intConst([]int{}, []int64{int64(shape[a])}))
	along := g.Mul(idx, intConst([]int{}, []int64{int64(st[a])}))
	return g.Add(along, intConst(slices.Clone(idx.Shape), rest))
}

// integer converts to integers where needed.
func (g *Graph) integer(x *Value) *Value {
	if x.DType == Int64 {
		return x
	}
	return g.emit(Cast{Int64}, x)
}

// takeElements picks elements of x by flat position, in the shape of pos.
func (g *Graph) takeElements(x, pos *Value) *Value {
	flat := g.Reshape(pos, []int{Size(pos.Shape)})
	y := g.emit(Gather{0}, g.Reshape(x, []int{Size(x.Shape)}), flat)
	return g.Reshape(y, pos.Shape)
}

func importGatherElements(c *call) []*Value {
	g, x := c.g(), c.in(0)
	a := axis(c.int("axis", 0), len(x.Shape))
	return one(g.takeElements(x, g.elementPositions(c.in(1), x.Shape, a)))
}

// rowPositions turns the last axis of idx, coordinates along the leading axes of shape, into row numbers.
func (g *Graph) rowPositions(idx *Value, shape []int) (rows *Value, depth int) {
	if len(idx.Shape) == 0 {
		fail("indices are a scalar")
	}
	depth = idx.Shape[len(idx.Shape)-1]
	if depth > len(shape) {
		fail("indices of %d coordinates for shape %v", depth, shape)
	}
	dims, st := make([]int64, depth), make([]int64, depth)
	step := 1
	for i := depth - 1; i >= 0; i-- {
		dims[i], st[i] = int64(shape[i]), int64(step)
		step *= shape[i]
	}
	idx = g.wrap(g.integer(idx), intConst([]int{depth}, dims))
	weighted := g.Mul(idx, intConst([]int{depth}, st))
	last := len(idx.Shape) - 1
	return g.emit(newReduce(kernel.Sum, []int{last}, false), weighted), depth
}

func importGatherND(c *call) []*Value {
	g, x, idx := c.g(), c.in(0), g64(c, 1)
	b := c.int("batch_dims", 0)
	if b < 0 || b >= len(idx.Shape) || b > len(x.Shape) {
		fail("batch_dims %d for shapes %v and %v", b, x.Shape, idx.Shape)
	}
	for i := range b {
		if x.Shape[i] != idx.Shape[i] {
			fail("batch axes of shapes %v and %v differ", x.Shape, idx.Shape)
		}
	}
	batch := Size(x.Shape[:b])
	rows, depth := g.rowPositions(idx, x.Shape[b:])
	perBatch, inner := Size(x.Shape[b:b+depth]), x.Shape[b+depth:]
	if b > 0 {
		first := g.allocate(Int64, batch).I
		for i := range first {
			first[i] = int64(i * perBatch)
		}
		flat := g.Reshape(rows, []int{batch, Size(rows.Shape) / max(batch, 1)})
		rows = g.Reshape(g.Add(flat, intConst([]int{batch, 1}, first)), rows.Shape)
	}
	y := g.emit(Gather{0}, g.Reshape(x, []int{batch * perBatch, Size(inner)}), g.Reshape(rows, []int{Size(rows.Shape)}))
	return one(g.Reshape(y, append(slices.Clone(rows.Shape), inner...)))
}

// g64 is input i as integers.
func g64(c *call, i int) *Value { return c.g().integer(c.in(i)) }

func importScatterElements(c *call) []*Value {
	g, x, up := c.g(), c.in(0), c.in(2)
	a := axis(c.int("axis", 0), len(x.Shape))
	if !SameShape(c.in(1).Shape, up.Shape) {
		fail("indices of shape %v and updates of shape %v", c.in(1).Shape, up.Shape)
	}
	pos := g.elementPositions(c.in(1), x.Shape, a)
	n := Size(pos.Shape)
	y := g.put(g.Reshape(x, []int{Size(x.Shape), 1}), g.Reshape(pos, []int{n}), g.Reshape(up, []int{n, 1}), c.str("reduction", "none"))
	return one(g.Reshape(y, x.Shape))
}

func importScatterND(c *call) []*Value {
	g, x, up := c.g(), c.in(0), c.in(2)
	rows, depth := g.rowPositions(g64(c, 1), x.Shape)
	inner := Size(x.Shape[depth:])
	n := Size(rows.Shape)
	if Size(up.Shape) != n*inner {
		fail("updates of shape %v for %d rows of %d", up.Shape, n, inner)
	}
	y := g.put(g.Reshape(x, []int{Size(x.Shape[:depth]), inner}), g.Reshape(rows, []int{n}), g.Reshape(up, []int{n, inner}), c.str("reduction", "none"))
	return one(g.Reshape(y, x.Shape))
}

// put writes rows of up into x [N,K] at rows pos.
func (g *Graph) put(x, pos, up *Value, reduction string) *Value {
	if x.DType == Float32 {
		up = g.float(up)
	}
	if reduction == "add" && x.DType == Float32 {
		return g.Add(x, g.emit(Scatter{0, x.Shape}, up, pos))
	}
	fn, ok := map[string]kernel.Binary{"none": noBinary, "add": kernel.Add, "mul": kernel.Mul, "min": kernel.Min, "max": kernel.Max}[reduction]
	if !ok {
		fail("reduction %q is not known", reduction)
	}
	return g.emit(Put{fn}, x, pos, up)
}

// importOneHot compares the indices with 0…depth-1 along a new axis.
func importOneHot(c *call) []*Value {
	g, idx := c.g(), g64(c, 0)
	depth := c.constInts(1)
	values := c.in(2)
	if len(depth) != 1 || depth[0] < 0 || depth[0] > 1<<24 || Size(values.Shape) != 2 {
		fail("depth %v and %d values", depth, Size(values.Shape))
	}
	n := depth[0]
	a := axis(c.int("axis", -1), len(idx.Shape)+1)
	count := g.allocate(Int64, n).I
	for i := range count {
		count[i] = int64(i)
	}
	shape := make([]int, len(idx.Shape)+1)
	for i := range shape {
		shape[i] = 1
	}
	shape[a] = n
	idx = g.emit(Where{}, g.emit(Binary{kernel.Less}, idx, intConst([]int{}, []int64{0})), g.Add(idx, intConst([]int{}, []int64{int64(n)})), idx)
	hit := g.emit(Binary{kernel.Equal}, g.Reshape(idx, slices.Insert(slices.Clone(idx.Shape), a, 1)), intConst(shape, count))
	off := g.Reshape(g.SliceAxis(g.Reshape(values, []int{2}), 0, 0, 1), []int{})
	on := g.Reshape(g.SliceAxis(g.Reshape(values, []int{2}), 0, 1, 1), []int{})
	return one(g.emit(Where{}, hit, on, off))
}

// importTopK finds the positions; the values are picked there, which makes them differentiable.
func importTopK(c *call) []*Value {
	g, x := c.g(), c.in(0)
	k := c.int("k", -1)
	if c.opset() >= 10 {
		if v := c.constInts(1); len(v) == 1 {
			k = v[0]
		}
	}
	a := axis(c.int("axis", -1), len(x.Shape))
	if k < 0 || k > x.Shape[a] {
		fail("k is %d for axis %d of %v", k, a, x.Shape)
	}
	last := len(x.Shape) - 1
	perm := make([]int, len(x.Shape))
	for i := range perm {
		perm[i] = i
	}
	perm[a], perm[last] = last, a
	rows := g.Transpose(g.float(x), perm)
	idx := g.Transpose(g.emit(TopK{k, c.int("largest", 1) == 0}, rows), perm)
	return []*Value{g.takeElements(x, g.elementPositions(idx, x.Shape, a)), idx}
}

// importCompress keeps the entries where a constant condition holds.
func importCompress(c *call) []*Value {
	g, x, cond := c.g(), c.in(0), c.constant(1)
	var keep []int64
	for i := range cond.Len() {
		if truth(cond, i) {
			keep = append(keep, int64(i))
		}
	}
	a := 0
	if c.n.Attrs["axis"] == nil {
		x = g.Reshape(x, []int{Size(x.Shape)})
	} else {
		a = axis(c.int("axis", 0), len(x.Shape))
	}
	return one(g.pick(x, a, keep))
}

// pick gathers constant positions along an axis.
func (g *Graph) pick(x *Value, a int, at []int64) *Value {
	return g.emit(Gather{a}, x, intConst([]int{len(at)}, at))
}

// importNonZero lists where a constant array is not zero; of computed values even the shape is unknown.
func importNonZero(c *call) []*Value {
	x := c.constant(0)
	var found [][]int
	eachIndex(x.Shape, func(i int, at []int) {
		if truth(x, i) {
			found = append(found, slices.Clone(at))
		}
	})
	t := c.g().allocate(Int64, len(x.Shape), len(found))
	for j, at := range found {
		for i, v := range at {
			t.I[i*len(found)+j] = int64(v)
		}
	}
	return one(Constant(t))
}

// importTrilu keeps a triangle of each matrix.
func importTrilu(c *call) []*Value {
	x := c.in(0)
	r := len(x.Shape)
	if r < 2 {
		fail("shape %v holds no matrices", x.Shape)
	}
	k, upper := 0, c.int("upper", 1) == 1
	if c.has(1) {
		if v := c.constInts(1); len(v) == 1 {
			k = v[0]
		}
	}
	keep := c.g().allocate(Bool, x.Shape[r-2], x.Shape[r-1])
	eachIndex(keep.Shape, func(i int, at []int) {
		if d := at[1] - at[0]; upper && d >= k || !upper && d <= k {
			keep.I[i] = 1
		}
	})
	return one(c.g().emit(Where{}, Constant(keep), x, like(x, 0)))
}

func importEyeLike(c *call) []*Value {
	x := c.in(0)
	if len(x.Shape) != 2 {
		fail("shape %v is no matrix", x.Shape)
	}
	d := x.DType
	if to := c.int("dtype", 0); to != 0 {
		d = Int64
		if onnx.DType(to).IsFloat() {
			d = Float32
		}
	}
	positive(x.Shape)
	t := c.g().allocate(d, x.Shape...)
	eachIndex(t.Shape, func(i int, at []int) {
		if at[1]-at[0] != c.int("k", 0) {
			return
		}
		if d == Float32 {
			t.F[i] = 1
		} else {
			t.I[i] = 1
		}
	})
	return one(Constant(t))
}
