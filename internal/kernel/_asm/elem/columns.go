package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// columns writes sums down the rows of a matrix, accumulated in float64.
func columns(m *machine) {
	m.kernel("", "columnSum", "ColumnSum", "func(y, x *float32, stride, rows, n int)", "computes y = Σ x over rows stride bytes apart.", func() {
		x, y := m.pointer("x"), m.pointer("y")
		m.each(1, func(int) {
			acc := m.zeros(2)
			at := m.GP64()
			m.LEAQ(m.here(x), at)
			m.down(func() {
				m.addDouble(m.loadAt(at), acc)
				m.ADDQ(m.address(m.Param("stride")), at)
			})
			m.store(m.narrow(acc), y)
		})
	})
	m.kernel("", "normColumns", "NormColumns", "func(dgamma, dbeta, dy, x, mean, rstd *float32, rows, n int)",
		"adds Σ dy·(x-mean)·rstd to dgamma and Σ dy to dbeta, for rows of n.", func() { normColumns(m) })
}

func normColumns(m *machine) {
	dy, x, mean, rstd := m.pointer("dy"), m.pointer("x"), m.pointer("mean"), m.pointer("rstd")
	m.each(1, func(int) {
		gamma, beta := m.zeros(2), m.zeros(2)
		row, step := m.GP64(), m.GP64()
		from := m.GP64() // distance of the element in work from the start of dy and x
		m.LEAQ(operand.Mem{Base: m.index}, from)
		m.SHLQ(operand.Imm(2), from)
		m.MOVQ(m.address(m.Param("n")), step)
		m.SHLQ(operand.Imm(2), step)
		m.XORQ(row, row)
		m.down(func() {
			mu, s := m.vec(), m.vec()
			m.VBROADCASTSS(operand.Mem{Base: mean, Index: row, Scale: 4}, mu)
			m.VBROADCASTSS(operand.Mem{Base: rstd, Index: row, Scale: 4}, s)
			g := m.loadMem(operand.Mem{Base: dy, Index: from, Scale: 1})
			h := m.mul(m.sub(m.loadMem(operand.Mem{Base: x, Index: from, Scale: 1}), mu), s)
			m.addDouble(m.mul(g, h), gamma)
			m.addDouble(g, beta)
			m.ADDQ(step, from)
			m.INCQ(row)
		})
		for _, out := range []struct {
			name string
			acc  []vector
		}{{"dgamma", gamma}, {"dbeta", beta}} {
			p := m.pointer(out.name)
			m.store(m.add(m.load(p), m.narrow(out.acc)), p)
		}
	})
}

// down repeats body as often as the argument rows says, which must be positive.
func (m *machine) down(body func()) {
	left, top := m.GP64(), m.label("row")
	m.MOVQ(m.address(m.Param("rows")), left)
	m.Label(top)
	body()
	m.DECQ(left)
	m.JNZ(operand.LabelRef(top))
}

// loadAt reads the vector in work from where a pointer stands.
func (m *machine) loadAt(p reg.GPVirtual) vector { return m.loadMem(operand.Mem{Base: p}) }

// addDouble adds a float32 vector to the two halves of a float64 one.
func (m *machine) addDouble(v vector, acc []vector) {
	low, high := m.halves(v)
	m.VADDPD(low, acc[0], acc[0])
	m.VADDPD(high, acc[1], acc[1])
}

// narrow rounds the two halves of a float64 vector to float32.
func (m *machine) narrow(acc []vector) vector {
	v := m.vec()
	if m.avx512() {
		low, high := m.YMM(), m.YMM()
		m.VCVTPD2PS(acc[0], low)
		m.VCVTPD2PS(acc[1], high)
		m.VINSERTF64X4(operand.Imm(1), high, low.AsZ(), v)
		return v
	}
	low, high := m.XMM(), m.XMM()
	m.VCVTPD2PSY(acc[0], low)
	m.VCVTPD2PSY(acc[1], high)
	m.VINSERTF128(operand.Imm(1), high, low.AsY(), v)
	return v
}
