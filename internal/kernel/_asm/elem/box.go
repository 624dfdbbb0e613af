package main

import "github.com/mmcloughlin/avo/reg"

// box writes what a step inside a box is made of.
func box(m *machine) {
	m.kernel("", "clamp", "Clamp", "func(x, lo, hi *float32, n int)", "moves every x into lo ≤ x ≤ hi.", func() {
		x, lo, hi := m.pointer("x"), m.pointer("lo"), m.pointer("hi")
		m.each(2, func(int) {
			v := m.add(m.max(m.load(lo), m.load(x)), m.zero()) // of two zeros, the positive one
			m.store(m.min(m.load(hi), v), x)
		})
	})
	m.kernel("", "addSigned", "AddSigned", "func(x, sign *float32, a float32, n int)", "adds a with those signs to x, nothing where sign is 0.", func() {
		x, sign, a := m.pointer("x"), m.pointer("sign"), m.splat("a")
		m.each(2, func(int) {
			v := m.load(sign)
			s := m.vec()
			m.VXORPS(m.and(v, signBits), a, s)
			m.store(m.add(m.load(x), m.choose(isEqual, v, m.zero(), m.zero(), s)), x)
		})
	})
	// marked returns what is not 0 if any vector gave bits to acc.
	marked := func(each func(acc []vector)) {
		or := func(a, b, to reg.VecVirtual) { m.VORPS(b, a, to) }
		acc := m.zeros(2)
		each(acc)
		m.result(0, m.across(m.sumAll(acc, or), 4, or))
	}
	m.kernel("", "outside", "Outside", "func(x, lo, hi *float32, n int) float32", "returns 0 if lo ≤ x ≤ hi everywhere.", func() {
		x, lo, hi := m.pointer("x"), m.pointer("lo"), m.pointer("hi")
		one := m.constant(1)
		marked(func(acc []vector) {
			m.each(2, func(u int) {
				v := m.load(x)
				above := m.choose(isLessOrEqual, v, m.load(hi), m.zero(), one)
				m.VORPS(m.choose(isGreaterOrEqual, v, m.load(lo), above, one), acc[u], acc[u])
			})
		})
	})
	m.kernel("", "infinite", "Infinite", "func(x *float32, n int) float32", "returns 0 if every x is a finite number.", func() {
		x := m.pointer("x")
		one, inf := m.constant(1), m.pattern(0x7f800000)
		marked(func(acc []vector) {
			m.each(2, func(u int) {
				m.VORPS(m.choose(isLess, m.and(m.load(x), absBits), inf, m.zero(), one), acc[u], acc[u])
			})
		})
	})
}
