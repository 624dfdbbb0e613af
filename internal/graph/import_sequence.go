package graph

import "slices"

// A sequence is known member by member when the model is loaded; none exists at run time.

func (c *call) giveSequence(list []*Value) []*Value {
	c.im.scope[c.n.Outputs[0]] = list
	return nil
}

func importSequenceConstruct(c *call) []*Value {
	list := []*Value{}
	for i := range c.n.Inputs {
		list = append(list, c.in(i))
	}
	return c.giveSequence(list)
}

func importSequenceEmpty(c *call) []*Value { return c.giveSequence([]*Value{}) }

// position reads the optional position at input i in a sequence of n; past allows n itself.
func (c *call) position(i, n, def int, past bool) int {
	at := def
	if c.has(i) {
		v := c.constInts(i)
		if len(v) != 1 {
			fail("the position must be a scalar")
		}
		at = v[0]
	}
	if at < 0 {
		at += n
	}
	if at < 0 || at > n || at == n && !past {
		fail("position %d in a sequence of %d", at, n)
	}
	return at
}

func importSequenceAt(c *call) []*Value {
	list := c.sequence(0)
	return one(list[c.position(1, len(list), 0, false)])
}

func importSequenceInsert(c *call) []*Value {
	list := c.sequence(0)
	at := c.position(2, len(list), len(list), true)
	return c.giveSequence(slices.Insert(slices.Clone(list), at, c.in(1)))
}

func importSequenceErase(c *call) []*Value {
	list := c.sequence(0)
	at := c.position(1, len(list), len(list)-1, false)
	return c.giveSequence(slices.Delete(slices.Clone(list), at, at+1))
}

func importSequenceLength(c *call) []*Value {
	return one(intConst([]int{}, []int64{int64(len(c.sequence(0)))}))
}

// importSplitToSequence splits into pieces of given sizes, of one size, or of one element each.
func importSplitToSequence(c *call) []*Value {
	x := c.in(0)
	a := axis(c.int("axis", 0), len(x.Shape))
	n := x.Shape[a]
	sizes, drop := []int(nil), false
	if c.has(1) {
		sizes = c.constInts(1)
		if len(c.constant(1).Shape) == 0 {
			sizes = piecesOf(n, sizes[0])
		}
	} else {
		sizes, drop = piecesOf(n, 1), c.int("keepdims", 1) == 0
	}
	list, at := []*Value{}, 0
	for _, k := range sizes {
		if k < 0 || at+k > n {
			fail("sizes %v do not split axis %d of %v", sizes, a, x.Shape)
		}
		y := c.g().SliceAxis(x, a, at, k)
		if drop {
			y = c.g().Reshape(y, slices.Delete(slices.Clone(y.Shape), a, a+1))
		}
		list = append(list, y)
		at += k
	}
	return c.giveSequence(list)
}

// piecesOf cuts n into pieces of size, the last of which may be smaller.
func piecesOf(n, size int) (sizes []int) {
	if size <= 0 || n/size > 1<<16 {
		fail("pieces of %d out of %d", size, n)
	}
	for ; n > 0; n -= size {
		sizes = append(sizes, min(size, n))
	}
	return sizes
}

func importConcatFromSequence(c *call) []*Value {
	g, list := c.g(), c.sequence(0)
	if len(list) == 0 {
		fail("the sequence is empty")
	}
	if c.int("new_axis", 0) == 0 {
		return one(g.Concat(axis(c.int("axis", 0), len(list[0].Shape)), list...))
	}
	a := axis(c.int("axis", 0), len(list[0].Shape)+1)
	var parts []*Value
	for _, v := range list {
		parts = append(parts, g.Reshape(v, slices.Insert(slices.Clone(v.Shape), a, 1)))
	}
	return one(g.Concat(a, parts...))
}
