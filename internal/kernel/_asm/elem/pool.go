package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pools writes what strides of two need. Rows of pooling layers are short, so there is only a version of eight lanes.
// n is a multiple of eight; x must be readable up to twice n.
func pools(m *machine) {
	m.kernel("", "evens", "Evens", "func(y, x *float32, n int)", "computes y[i] = x[2i].", func() {
		y, x := m.pointer("y"), m.pointer("x")
		m.each(1, func(int) { m.whole(func() { m.store(m.evens(x), y) }) })
	})
	m.kernel("", "addEvens", "AddEvens", "func(y, x *float32, n int)", "adds x[2i] to y[i].", func() {
		y, x := m.pointer("y"), m.pointer("x")
		m.each(1, func(int) { m.whole(func() { m.store(m.add(m.evens(x), m.load(y)), y) }) })
	})
	doc := "puts x[i], or x[2i], in y[i] where it is larger, or NaN, or the first, and its position at+i, or at+2i, in where[i]."
	m.kernel("", "larger1", "Larger1", "func(y *float32, where *int32, x *float32, at int32, n int)", doc, func() { larger(m, 1, m.load) })
	m.kernel("", "larger2", "Larger2", "func(y *float32, where *int32, x *float32, at int32, n int)", doc, func() { larger(m, 2, m.evens) })
}

// whole leaves out the tail.
func (m *machine) whole(body func()) {
	if !m.masked {
		body()
	}
}

// evens reads every second element from twice the element in work.
func (m *machine) evens(p reg.GPVirtual) vector {
	low, high := m.vec(), m.vec()
	m.VMOVUPS(operand.Mem{Base: p, Index: m.index, Scale: 8}, low)
	m.VMOVUPS(operand.Mem{Base: p, Index: m.index, Scale: 8, Disp: 32}, high)
	m.VSHUFPS(operand.Imm(0x88), high, low, low)
	m.VPERMPD(operand.Imm(0xd8), low, low)
	return low
}

// larger writes one step of a maximum that remembers where it was.
func larger(m *machine, step int, read func(p reg.GPVirtual) vector) {
	y, where, x := m.pointer("y"), m.pointer("where"), m.pointer("x")
	at, stride := m.vec(), m.vec()
	start := m.GP32()
	m.Load(m.Param("at"), start)
	m.VMOVD(start, at.AsX())
	m.VPBROADCASTD(at.AsX(), at)
	first := m.GP64()
	m.LEAQ(operand.NewDataAddr(lanesSymbol, (step-1)*32), first)
	m.VPADDD(operand.Mem{Base: first}, at, at)
	m.VPBROADCASTD(m.bits(uint32(8*step)), stride)
	m.each(1, func(int) {
		m.whole(func() {
			u, top, old := read(x), m.load(y), m.load(where)
			take, number := m.vec(), m.vec()
			m.VCMPPS(operand.Imm(isNotLessOrEqual), top, u, take)
			m.VCMPPS(operand.Imm(isOrdered), top, top, number)
			m.VANDPS(number, take, take)
			m.VORPS(old, take, take)
			m.VBLENDVPS(take, u, top, top)
			m.VBLENDVPS(take, at, old, old)
			m.store(top, y)
			m.store(old, where)
			m.VPADDD(stride, at, at)
		})
	})
}
