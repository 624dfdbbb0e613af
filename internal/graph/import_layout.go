package graph

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

func importReshape(c *call) []*Value {
	x := c.in(0)
	to := c.intsOr("shape", 1)
	shape, unknown, known := slices.Clone(to), -1, 1
	if shape == nil {
		shape = []int{}
	}
	for i, d := range to {
		switch {
		case d == 0 && c.int("allowzero", 0) == 0:
			if i >= len(x.Shape) {
				fail("shape %v keeps axis %d of %v, which has no such axis", to, i, x.Shape)
			}
			shape[i] = x.Shape[i]
		case d == -1:
			if unknown >= 0 {
				fail("shape %v has two unknown axes", to)
			}
			unknown = i
			continue
		case d < 0:
			fail("shape %v has a negative axis", to)
		}
		if shape[i] > 0 && known > maxElements/shape[i] {
			fail("shape %v is %w", to, ErrTooLarge)
		}
		known *= shape[i]
	}
	if n := c.g().Image.Batch; n > 1 && x.Const == nil {
		full := slices.Clone(shape)
		if unknown >= 0 && known > 0 && n*Size(x.Shape)%known == 0 {
			full[unknown] = n * Size(x.Shape) / known
		}
		if one, ok := oneImage(x.Shape, full, n); ok {
			shape, unknown = one, -1
		}
	}
	if unknown >= 0 {
		if known == 0 || Size(x.Shape)%known != 0 {
			fail("shape %v does not divide %v", to, x.Shape)
		}
		shape[unknown] = Size(x.Shape) / known
	}
	if x.Const == nil {
		shape = c.im.refitShape(x.Shape, shape)
	}
	if Size(shape) != Size(x.Shape) {
		if n := c.g().Image.Batch; n > 1 {
			fail("%v cannot take shape %v: the model is made for batches of %d and cannot be reduced to one image; export it for a batch of 1 or of any size", x.Shape, shape, n)
		}
		fail("%v (%d elements) cannot take shape %v", x.Shape, Size(x.Shape), shape)
	}
	return one(c.g().Reshape(x, shape))
}

func importFlatten(c *call) []*Value {
	x := c.in(0)
	a := c.int("axis", 1)
	if a != len(x.Shape) {
		a = axis(a, len(x.Shape))
	}
	return one(c.g().Reshape(x, []int{Size(x.Shape[:a]), Size(x.Shape[a:])}))
}

func importSqueeze(c *call) []*Value {
	x := c.in(0)
	list := c.intsOr("axes", 1)
	drop := axes(list, len(x.Shape))
	shape := []int{}
	for i, d := range x.Shape {
		if d == 1 && list == nil || slices.Contains(drop, i) {
			if d != 1 {
				fail("axis %d of %v is not 1", i, x.Shape)
			}
			continue
		}
		shape = append(shape, d)
	}
	return one(c.g().Reshape(x, shape))
}

func importUnsqueeze(c *call) []*Value {
	x := c.in(0)
	list := c.intsOr("axes", 1)
	at := axes(list, len(x.Shape)+len(list))
	shape, next := make([]int, len(x.Shape)+len(list)), 0
	for i := range shape {
		if slices.Contains(at, i) {
			shape[i] = 1
			continue
		}
		if next >= len(x.Shape) {
			fail("axes %v repeat", list)
		}
		shape[i] = x.Shape[next]
		next++
	}
	return one(c.g().Reshape(x, shape))
}

func importTranspose(c *call) []*Value {
	x := c.in(0)
	perm := c.ints("perm")
	if perm == nil {
		for i := len(x.Shape) - 1; i >= 0; i-- {
			perm = append(perm, i)
		}
	}
	_, err := Transpose{perm}.Infer([]*Value{x})
	check(err)
	return one(c.g().Transpose(x, perm))
}

func importConcat(c *call) []*Value {
	var in []*Value
	for i := range c.n.Inputs {
		in = append(in, c.in(i))
	}
	if len(in) == 0 {
		fail("no inputs")
	}
	for _, v := range in {
		if v.Const == nil {
			for i := range in {
				in[i] = c.im.oneRow(in[i], v.Shape)
			}
			break
		}
	}
	return one(c.g().Concat(axis(c.int("axis", 0), len(in[0].Shape)), in...))
}

func importSplit(c *call) []*Value {
	x := c.in(0)
	a := axis(c.int("axis", 0), len(x.Shape))
	sizes := c.intsOr("split", 1)
	if sizes == nil {
		sizes = evenSplit(x.Shape[a], c.int("num_outputs", len(c.n.Outputs)))
	}
	if len(sizes) < len(c.n.Outputs) {
		fail("%d sizes for %d outputs", len(sizes), len(c.n.Outputs))
	}
	var out []*Value
	at := 0
	for _, n := range sizes {
		if n < 0 || at+n > x.Shape[a] {
			fail("sizes %v do not split axis %d of %v", sizes, a, x.Shape)
		}
		out = append(out, c.g().SliceAxis(x, a, at, n))
		at += n
	}
	if at != x.Shape[a] {
		fail("sizes %v do not split axis %d of %v", sizes, a, x.Shape)
	}
	return out
}

// evenSplit divides n into parts, the last of which may be smaller.
func evenSplit(n, parts int) []int {
	if parts <= 0 || parts > max(n, 1) {
		fail("%d elements cannot be split into %d parts", n, parts)
	}
	each := (n + parts - 1) / parts
	if n == 0 {
		return make([]int, parts)
	}
	var sizes []int
	for n > 0 {
		sizes = append(sizes, min(each, n))
		n -= each
	}
	return sizes
}

func importSlice(c *call) []*Value {
	x := c.in(0)
	rank := len(x.Shape)
	starts, ends := c.intsOr("starts", 1), c.intsOr("ends", 2)
	list, steps := c.intsOr("axes", 3), []int(nil)
	if c.has(4) {
		steps = c.constInts(4)
	}
	if list == nil {
		for i := range starts {
			list = append(list, i)
		}
	}
	if len(ends) != len(starts) || len(list) != len(starts) || steps != nil && len(steps) != len(starts) {
		fail("starts, ends, axes and steps have different lengths")
	}
	o := axisSlice(x.Shape, 0, 0, 1, firstDim(x.Shape))
	for i, a := range list {
		a = axis(a, rank)
		step := 1
		if steps != nil {
			step = steps[i]
		}
		o.Start[a], o.Size[a] = sliceRange(starts[i], ends[i], step, x.Shape[a])
		o.Step[a] = step
	}
	return one(c.g().Slice(x, o))
}

func firstDim(shape []int) int {
	if len(shape) == 0 {
		fail("a scalar cannot be sliced")
	}
	return shape[0]
}

// sliceRange resolves start and end against an axis of n elements and gives start and count.
func sliceRange(start, end, step, n int) (first, count int) {
	if step == 0 {
		fail("step 0")
	}
	lo, hi := 0, n
	if step < 0 {
		lo, hi = -1, n-1
	}
	clampTo := func(v int) int {
		if v < 0 {
			v += n
		}
		return min(max(v, lo), hi)
	}
	start, end = clampTo(start), clampTo(end)
	if step > 0 {
		count = (end - start + step - 1) / step
	} else {
		count = (end - start + step + 1) / step
	}
	return start, max(count, 0)
}

// importGather makes slices of constant scalar indices, so that they need no copy.
func importGather(c *call) []*Value {
	x, idx := c.in(0), c.in(1)
	if len(x.Shape) == 0 {
		fail("a scalar cannot be indexed")
	}
	a := axis(c.int("axis", 0), len(x.Shape))
	op := Gather{a}
	_, err := op.Infer([]*Value{x, idx})
	check(err)
	if idx.Const == nil || idx.Const.Len() != 1 || x.Const != nil {
		return one(c.g().emit(op, x, idx))
	}
	i := int(idx.Const.I[0])
	if i < 0 {
		i += x.Shape[a]
	}
	shape := append(slices.Clone(x.Shape[:a]), idx.Shape...)
	shape = append(shape, x.Shape[a+1:]...)
	return one(c.g().Reshape(c.g().SliceAxis(x, a, i, 1), shape))
}

func importExpand(c *call) []*Value {
	x := c.in(0)
	shape, err := BroadcastShape(x.Shape, positive(c.constInts(1)))
	check(err)
	return one(c.g().Expand(x, shape))
}

// positive checks a shape that the file gives.
func positive(shape []int) []int {
	n := 1
	for _, d := range shape {
		if d < 0 {
			fail("shape %v has a negative axis", shape)
		}
		if d > 0 && n > maxElements/d {
			fail("shape %v is %w", shape, ErrTooLarge)
		}
		n *= max(d, 1)
	}
	return shape
}

// importTile repeats by broadcasting over an added axis.
func importTile(c *call) []*Value {
	g, x := c.g(), c.in(0)
	reps := positive(c.constInts(1))
	if len(reps) != len(x.Shape) {
		fail("%d repeats for shape %v", len(reps), x.Shape)
	}
	var split, wide, to []int
	for i, r := range reps {
		split = append(split, 1, x.Shape[i])
		wide = append(wide, r, x.Shape[i])
		to = append(to, r*x.Shape[i])
	}
	positive(to)
	return one(g.Reshape(g.Expand(g.Reshape(x, split), wide), to))
}

func importDepthToSpace(c *call) []*Value {
	g, x, b := c.g(), c.in(0), c.int("blocksize", 1)
	if len(x.Shape) != 4 || b < 1 || x.Shape[1]%(b*b) != 0 {
		fail("shape %v with block size %d", x.Shape, b)
	}
	n, ch, h, w := x.Shape[0], x.Shape[1]/(b*b), x.Shape[2], x.Shape[3]
	if c.str("mode", "DCR") == "CRD" {
		x = g.Transpose(g.Reshape(x, []int{n, ch, b, b, h, w}), []int{0, 1, 4, 2, 5, 3})
	} else {
		x = g.Transpose(g.Reshape(x, []int{n, b, b, ch, h, w}), []int{0, 3, 4, 1, 5, 2})
	}
	return one(g.Reshape(x, []int{n, ch, h * b, w * b}))
}

func importSpaceToDepth(c *call) []*Value {
	g, x, b := c.g(), c.in(0), c.int("blocksize", 1)
	if len(x.Shape) != 4 || b < 1 || x.Shape[2]%b != 0 || x.Shape[3]%b != 0 {
		fail("shape %v with block size %d", x.Shape, b)
	}
	n, ch, h, w := x.Shape[0], x.Shape[1], x.Shape[2]/b, x.Shape[3]/b
	x = g.Transpose(g.Reshape(x, []int{n, ch, h, b, w, b}), []int{0, 3, 5, 1, 2, 4})
	return one(g.Reshape(x, []int{n, b * b * ch, h, w}))
}

// importShape is where shape arithmetic starts: shapes are known, so all of it folds.
func importShape(c *call) []*Value {
	s := c.in(0).Shape
	first, count := sliceRange(c.int("start", 0), c.int("end", len(s)), 1, len(s))
	out := make([]int64, count)
	for i := range out {
		out[i] = int64(s[first+i])
	}
	return one(Constant(Ints(out...)))
}

func importSize(c *call) []*Value {
	t := Ints(int64(Size(c.in(0).Shape)))
	return one(Constant(t.Reshaped()))
}

func argExtreme(low bool) func(*call) []*Value {
	return func(c *call) []*Value {
		x := c.in(0)
		a := axis(c.int("axis", 0), len(x.Shape))
		y := c.g().emit(ArgExtreme{Axis: a, Min: low, Last: c.int("select_last_index", 0) == 1}, x)
		if c.int("keepdims", 1) == 1 {
			return one(y)
		}
		return one(c.g().Reshape(y, slices.Delete(slices.Clone(y.Shape), a, a+1)))
	}
}

func reduction(k kernel.Reduce, axesInput int64) func(*call) []*Value {
	return func(c *call) []*Value {
		x := c.in(0)
		list := c.ints("axes")
		if list == nil && c.has(1) && c.opset() >= axesInput {
			list = c.constInts(1)
		}
		if len(list) == 0 {
			if c.int("noop_with_empty_axes", 0) == 1 {
				return one(x)
			}
			for i := range x.Shape {
				list = append(list, i)
			}
		}
		return one(c.g().emit(newReduce(k, axes(list, len(x.Shape)), c.int("keepdims", 1) == 1), x))
	}
}

func importReduceLogSum(c *call) []*Value {
	return one(c.g().Map(kernel.Log, reduction(kernel.Sum, 18)(c)[0]))
}
