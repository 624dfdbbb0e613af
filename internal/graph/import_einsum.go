package graph

import (
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// importEinsum contracts operands from left to right, each pair as one matrix product.
func importEinsum(c *call) []*Value {
	var ops []*Value
	for i := range c.n.Inputs {
		ops = append(ops, c.g().float(c.in(i)))
	}
	terms, out := parseEinsum(strings.ReplaceAll(c.str("equation", ""), " ", ""), ops)
	e := einsum{c.g(), map[rune]int{}}
	for i, t := range terms {
		for j, l := range t {
			n := ops[i].Shape[j]
			if have, ok := e.size[l]; ok && have != n && have != 1 && n != 1 {
				fail("axis %q is both %d and %d long", string(l), have, n)
			}
			e.size[l] = max(e.size[l], n)
		}
	}
	x, at := e.single(ops[0], terms[0])
	for i := 1; i < len(ops); i++ {
		keep := slices.Clone(out)
		for _, t := range terms[i+1:] {
			keep = append(keep, t...)
		}
		y, yt := e.single(ops[i], terms[i])
		x, at = e.pair(x, at, y, yt, keep)
	}
	return one(e.arrange(x, at, out))
}

// parseEinsum gives the labels of every operand and of the result; an ellipsis becomes labels of its own.
func parseEinsum(eq string, ops []*Value) (terms [][]rune, out []rune) {
	left, right, explicit := strings.Cut(eq, "->")
	parts := strings.Split(left, ",")
	if len(parts) != len(ops) || len(ops) == 0 {
		fail("equation %q has %d operands, %d are given", eq, len(parts), len(ops))
	}
	wide := 0
	for i, p := range parts {
		if strings.Contains(p, "...") {
			wide = max(wide, len(ops[i].Shape)-(len(p)-3))
		}
	}
	dots := func(n int) (s []rune) {
		for i := wide - n; i < wide; i++ {
			s = append(s, rune('\uE000'+i))
		}
		return s
	}
	expand := func(p string, n int) []rune {
		before, after, found := strings.Cut(p, "...")
		if !found {
			return []rune(p)
		}
		return slices.Concat([]rune(before), dots(n), []rune(after))
	}
	count := map[rune]int{}
	for i, p := range parts {
		t := expand(p, max(len(ops[i].Shape)-(len(p)-3), 0))
		if len(t) != len(ops[i].Shape) {
			fail("equation %q gives operand %d the rank %d; it has shape %v", eq, i, len(t), ops[i].Shape)
		}
		for _, l := range t {
			count[l]++
		}
		terms = append(terms, t)
	}
	if explicit {
		out = expand(right, wide)
	} else {
		out = implicitResult(count, dots(wide))
	}
	for i, l := range out {
		if count[l] == 0 || slices.Contains(out[:i], l) {
			fail("equation %q: label %q of the result", eq, string(l))
		}
	}
	return terms, out
}

// implicitResult is the ellipsis, then the labels that occur once, in order.
func implicitResult(count map[rune]int, dots []rune) []rune {
	var once []rune
	for l, n := range count {
		if n == 1 && !slices.Contains(dots, l) {
			once = append(once, l)
		}
	}
	slices.Sort(once)
	return append(dots, once...)
}

type einsum struct {
	g    *Graph
	size map[rune]int
}

// single takes the diagonal over repeated labels.
func (e einsum) single(x *Value, t []rune) (*Value, []rune) {
	t = slices.Clone(t)
	for i := 0; i < len(t); i++ {
		j := slices.Index(t[i+1:], t[i])
		if j < 0 {
			continue
		}
		j += i + 1
		n := x.Shape[i]
		if x.Shape[j] != n {
			fail("axis %q is both %d and %d long", string(t[i]), n, x.Shape[j])
		}
		at := e.g.allocate(Int64, n).I
		shape := make([]int, len(x.Shape))
		for k := range shape {
			shape[k] = 1
		}
		for k := range at {
			at[k] = int64(k)
		}
		shape[i] = n
		idx := slices.Clone(x.Shape)
		idx[j] = 1
		pos := e.g.elementPositions(e.g.Expand(intConst(shape, at), idx), x.Shape, j)
		x = e.g.takeElements(x, pos)
		x = e.g.Reshape(x, slices.Delete(slices.Clone(x.Shape), j, j+1))
		t = slices.Delete(t, j, j+1)
		i--
	}
	return x, t
}

// pair multiplies x and y and sums over the labels that keep does not name.
func (e einsum) pair(x *Value, xt []rune, y *Value, yt, keep []rune) (*Value, []rune) {
	if x.Const == nil && y.Const == nil && e.second(xt, yt, keep) {
		x, xt, y, yt = y, yt, x, xt
	}
	x, xt = e.sumOut(x, xt, append(slices.Clone(keep), yt...))
	y, yt = e.sumOut(y, yt, append(slices.Clone(keep), xt...))
	var batch, sum, left, right []rune
	for _, l := range xt {
		switch {
		case !slices.Contains(yt, l):
			left = append(left, l)
		case slices.Contains(keep, l):
			batch = append(batch, l)
		default:
			sum = append(sum, l)
		}
	}
	for _, l := range yt {
		if !slices.Contains(xt, l) {
			right = append(right, l)
		}
	}
	for _, l := range append(slices.Clone(batch), sum...) { // broadcast axes of length 1
		x, y = e.widen(x, xt, l), e.widen(y, yt, l)
	}
	if len(sum) == 0 && len(left) == 0 && len(right) == 0 {
		return e.g.Mul(e.arrange(x, xt, batch), e.arrange(y, yt, batch)), batch
	}
	a := e.arrange(x, xt, slices.Concat(batch, left, sum))
	b, transB := e.secondOperand(y, yt, batch, sum, right)
	nb, nl, ns, nr := e.sizes(batch), Size(e.sizes(left)), Size(e.sizes(sum)), Size(e.sizes(right))
	a = e.g.Reshape(a, append(slices.Clone(nb), nl, ns))
	last := []int{ns, nr}
	if transB {
		last = []int{nr, ns}
	}
	b = e.g.Reshape(b, append(slices.Clone(nb), last...))
	var z *Value
	if Size(nb) == 1 && b.Const != nil && a.Const == nil {
		b = e.g.Reshape(b, last)
		z = e.g.emit(Linear{TransW: transB}, a, b)
	} else {
		z = e.g.emit(MatMul{TransB: transB, Alpha: 1}, a, b)
	}
	t := slices.Concat(batch, left, right)
	return e.g.Reshape(z, e.sizes(t)), t
}

// second tells whether what is x's alone comes behind what is y's alone in the result, which then is y·x.
func (e einsum) second(xt, yt, keep []rune) bool {
	at := func(own, other []rune) int {
		return slices.IndexFunc(keep, func(l rune) bool { return slices.Contains(own, l) && !slices.Contains(other, l) })
	}
	i, j := at(xt, yt), at(yt, xt)
	return i >= 0 && j >= 0 && j < i
}

// secondOperand arranges y with its summed axes last where they already are.
func (e einsum) secondOperand(y *Value, yt, batch, sum, right []rune) (b *Value, trans bool) {
	if want := slices.Concat(batch, right, sum); len(sum) > 0 && slices.Contains(sum, yt[len(yt)-1]) {
		return e.arrange(y, yt, want), true
	}
	return e.arrange(y, yt, slices.Concat(batch, sum, right)), false
}

func (e einsum) widen(x *Value, t []rune, l rune) *Value {
	i := slices.Index(t, l)
	if x.Shape[i] == e.size[l] {
		return x
	}
	shape := slices.Clone(x.Shape)
	shape[i] = e.size[l]
	return e.g.Expand(x, shape)
}

func (e einsum) sizes(t []rune) []int {
	s := []int{}
	for _, l := range t {
		s = append(s, e.size[l])
	}
	return s
}

// sumOut sums x over the labels that keep does not name.
func (e einsum) sumOut(x *Value, t, keep []rune) (*Value, []rune) {
	var over []int
	var left []rune
	for i, l := range t {
		if slices.Contains(keep, l) {
			left = append(left, l)
		} else {
			over = append(over, i)
		}
	}
	if len(over) == 0 {
		return x, t
	}
	return e.g.emit(newReduce(kernel.Sum, over, false), x), left
}

// arrange sums x over labels that want does not name and puts its axes in the order of want.
func (e einsum) arrange(x *Value, t, want []rune) *Value {
	x, t = e.sumOut(x, t, want)
	perm := make([]int, len(want))
	for i, l := range want {
		perm[i] = slices.Index(t, l)
	}
	for _, l := range want {
		x = e.widen(x, t, l)
	}
	return e.g.Transpose(x, perm)
}
