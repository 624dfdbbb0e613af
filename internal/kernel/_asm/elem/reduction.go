package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// halves returns the lower and upper half of a vector in float64.
func (m *machine) halves(v vector) (low, high vector) {
	low, high = m.vec(), m.vec()
	if m.avx512() {
		top := m.YMM()
		m.VCVTPS2PD(v.AsY(), low)
		m.VEXTRACTF64X4(operand.Imm(1), v, top)
		m.VCVTPS2PD(top, high)
	} else {
		top := m.XMM()
		m.VCVTPS2PD(v.AsX(), low)
		m.VEXTRACTF128(operand.Imm(1), v, top)
		m.VCVTPS2PD(top, high)
	}
	return low, high
}

// across folds the lanes of a vector by halves, down to the lowest lane of size bytes.
func (m *machine) across(v vector, size int, op func(a, b, to reg.VecVirtual)) vector {
	x := m.XMM()
	y := v
	if m.avx512() {
		y = m.YMM()
		m.VEXTRACTF64X4(operand.Imm(1), v, y)
		op(y, v.AsY().(reg.VecVirtual), y)
	}
	m.VEXTRACTF128(operand.Imm(1), y, x)
	op(x, y.AsX().(reg.VecVirtual), x)
	other := m.XMM()
	m.VPERMILPD(operand.Imm(1), x, other)
	op(x, other, x)
	if size == 4 {
		m.VMOVSHDUP(x, other)
		op(x, other, x)
	}
	return x
}

func (m *machine) total(v vector) vector {
	return m.across(v, 4, func(a, b, to reg.VecVirtual) { m.VADDPS(b, a, to) })
}

// zeros returns n vectors of zeros.
func (m *machine) zeros(n int) []vector {
	v := make([]vector, n)
	for i := range v {
		v[i] = m.zero()
	}
	return v
}

// sumAll adds up vectors pairwise into the first.
func (m *machine) sumAll(v []vector, add func(a, b, to reg.VecVirtual)) vector {
	for step := 1; step < len(v); step *= 2 {
		for i := 0; i+step < len(v); i += 2 * step {
			add(v[i], v[i+step], v[i])
		}
	}
	return v[0]
}

// reductions writes the folds of a run of neighbours.
func reductions(m *machine) {
	add := func(a, b vector, to vector) { m.VADDPD(b, a, to) }
	double := func(group, key, name, signature, doc string, operands []string, term func(v []vector, low bool, acc vector)) {
		m.kernel(group, key, name, signature, doc+" in float64.", func() {
			var p []reg.GPVirtual
			for _, o := range operands {
				p = append(p, m.pointer(o))
			}
			acc := m.zeros(4)
			m.each(2, func(u int) {
				var low, high []vector
				for _, p := range p {
					l, h := m.halves(m.load(p))
					low, high = append(low, l), append(high, h)
				}
				term(low, true, acc[2*u])
				term(high, false, acc[2*u+1])
			})
			sum := m.across(m.sumAll(acc, add), 8, func(a, b, to reg.VecVirtual) { m.VADDPD(b, a, to) })
			m.VMOVSD(sum, m.address(m.ReturnIndex(0)))
		})
	}
	one := "func(x *float32, n int) float64"
	plain := func(v []vector, _ bool, acc vector) { m.VADDPD(v[0], acc, acc) }
	square := func(v []vector, _ bool, acc vector) { m.VFMADD231PD(v[0], v[0], acc) }
	abs := func(v []vector, _ bool, acc vector) {
		a := m.vec()
		m.VPSLLQ(operand.Imm(1), v[0], a)
		m.VPSRLQ(operand.Imm(1), a, a)
		m.VADDPD(a, acc, acc)
	}
	double("sum", "Sum", "Sum", one, "returns Σx", []string{"x"}, plain)
	double("sum", "SumSquare", "SumSquare", one, "returns Σx²", []string{"x"}, square)
	double("sum", "L1", "L1", one, "returns Σ|x|", []string{"x"}, abs)
	double("", "dot", "Dot", "func(x, y *float32, n int) float64", "returns Σx·y", []string{"x", "y"},
		func(v []vector, _ bool, acc vector) { m.VFMADD231PD(v[0], v[1], acc) })
	extreme(m, "largest", "Largest", 0xff800000, func(a, b, to reg.VecVirtual) { m.VMAXPS(b, a, to) })
	extreme(m, "smallest", "Smallest", 0x7f800000, func(a, b, to reg.VecVirtual) { m.VMINPS(b, a, to) })
}

// extreme writes a maximum or minimum. The vector instruction forgets NaN, so NaN is looked for beside it.
func extreme(m *machine, key, name string, start uint32, op func(a, b, to reg.VecVirtual)) {
	m.kernel("", key, name, "func(x *float32, n int) float32", "returns that of x, NaN if there is one.", func() {
		x := m.pointer("x")
		acc := []vector{m.pattern(start), m.pattern(start)}
		bad := m.zero()
		m.each(2, func(u int) {
			v := m.load(x)
			m.markNaN(v, bad)
			v = m.fill(v, acc[u])
			op(acc[u], v, acc[u])
		})
		op(acc[0], acc[1], acc[0])
		out := m.across(acc[0], 4, op)
		m.mendNaN(bad, out)
		m.result(0, out)
	})
}

// markNaN sets every bit of the lanes of bad where v is NaN.
func (m *machine) markNaN(v, bad vector) {
	if m.avx512() {
		m.VCMPPS(operand.Imm(isUnordered), v, v, cmpMask)
		m.VPTERNLOGD(operand.Imm(0xff), bad, bad, cmpMask, bad)
		return
	}
	mask := m.vec()
	m.VCMPPS(operand.Imm(isUnordered), v, v, mask)
	m.VORPS(mask, bad, bad)
}

// mendNaN makes the lowest lane of out NaN if bad marks any.
func (m *machine) mendNaN(bad, out vector) {
	flat := m.YMM()
	if m.avx512() {
		m.VEXTRACTF64X4(operand.Imm(1), bad, flat)
		m.VORPS(flat, bad.AsY(), flat)
	} else {
		m.VMOVAPS(bad, flat)
	}
	found := m.GP32()
	m.VMOVMSKPS(flat, found)
	m.TESTL(found, found)
	ok := m.label("numbers")
	m.JZ(operand.LabelRef(ok))
	m.VMOVSS(m.bits(nanBits), out.AsX())
	m.Label(ok)
}
