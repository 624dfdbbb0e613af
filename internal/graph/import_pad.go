package graph

import (
	"math"
	"slices"
)

func importPad(c *call) []*Value {
	g, x := c.g(), c.in(0)
	pads := c.intsOr("pads", 1)
	fill := c.float("value", 0)
	if c.opset() >= 11 {
		fill = c.constFloat(2, 0)
	}
	list := []int(nil)
	if c.has(3) {
		list = c.constInts(3)
	} else {
		for i := range x.Shape {
			list = append(list, i)
		}
	}
	if len(pads) != 2*len(list) {
		fail("%d pads for %d axes", len(pads), len(list))
	}
	before, after := make([]int, len(x.Shape)), make([]int, len(x.Shape))
	for i, a := range list {
		a = axis(a, len(x.Shape))
		before[a], after[a] = pads[i], pads[len(list)+i]
		if max(before[a], -before[a], after[a], -after[a]) > maxElements || before[a] == math.MinInt || after[a] == math.MinInt {
			fail("pads %v are %w", pads, ErrTooLarge)
		}
	}
	if mode := c.str("mode", "constant"); mode != "constant" {
		return one(g.padByIndex(x, before, after, mode))
	}
	x = g.cropNegative(x, before, after)
	if !slices.ContainsFunc(append(slices.Clone(before), after...), func(n int) bool { return n != 0 }) {
		return one(x)
	}
	for i := range before {
		if before[i]+after[i] > maxElements {
			fail("pads %v are %w", pads, ErrTooLarge)
		}
	}
	return one(g.emit(Pad{before, after, fill}, x))
}

// cropNegative applies negative pads and sets them to zero.
func (g *Graph) cropNegative(x *Value, before, after []int) *Value {
	for i := range before {
		lo, hi := min(before[i], 0), min(after[i], 0)
		if lo < 0 || hi < 0 {
			if x.Shape[i]+lo+hi < 0 {
				fail("pads remove more than axis %d of %v", i, x.Shape)
			}
			x = g.SliceAxis(x, i, -lo, x.Shape[i]+lo+hi)
		}
		before[i], after[i] = max(before[i], 0), max(after[i], 0)
	}
	return x
}

// padByIndex repeats border elements ("edge"), mirrors them ("reflect") or wraps around ("wrap").
func (g *Graph) padByIndex(x *Value, before, after []int, mode string) *Value {
	for a, n := range x.Shape {
		if before[a] == 0 && after[a] == 0 {
			continue
		}
		total := before[a] + n + after[a]
		if n == 0 || total < 0 || total > maxElements || max(before[a], after[a]) > 1<<20 {
			fail("pads of axis %d of %v are %w", a, x.Shape, ErrTooLarge)
		}
		idx := g.allocate(Int64, total).I
		for i := range idx {
			idx[i] = int64(borderIndex(i-before[a], n, mode))
		}
		x = g.emit(Gather{a}, x, Constant(Ints(idx...)))
	}
	return x
}

func borderIndex(i, n int, mode string) int {
	switch mode {
	case "edge":
		return min(max(i, 0), n-1)
	case "wrap":
		return ((i % n) + n) % n
	case "reflect":
		if n == 1 {
			return 0
		}
		period := 2 * (n - 1)
		i = ((i % period) + period) % period
		return min(i, period-i)
	}
	fail("pad mode %q is not known", mode)
	return 0
}
