package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose writes the transposition of a strip of n tiles of 8×8: tiles follow one another down the rows of x and along
// the rows of y. Strides are in bytes. Memory bounds it, so that there is only a version with vectors of eight.
func transpose(m *machine) {
	m.kernel("", "transpose", "Transpose", "func(y, x *float32, ldy, ldx, n int)", "computes y[r, c] = x[c, r] for 8 rows of y.", func() {
		y, x, ldy, ldx, n := m.pointer("y"), m.pointer("x"), m.pointer("ldy"), m.pointer("ldx"), m.pointer("n")
		from, to := m.eightRows(ldx), m.eightRows(ldy)
		top := m.label("tile")
		m.Label(top)
		var v [8]vector
		for i := range v {
			v[i] = m.vec()
			m.VMOVUPS(from(x, i), v[i])
		}
		for i, o := range m.transposed(v) {
			m.VMOVUPS(o, to(y, i))
		}
		m.LEAQ(operand.Mem{Base: x, Index: ldx, Scale: 8}, x)
		m.ADDQ(operand.Imm(32), y)
		m.DECQ(n)
		m.JNZ(operand.LabelRef(top))
	})
}

// eightRows returns how to address eight rows from a pointer to the first: 0 to 6 as rowAddress does, 7 by a register.
func (m *machine) eightRows(step reg.GPVirtual) func(p reg.GPVirtual, r int) operand.Mem {
	first := m.rowAddress(step, 7)
	seven := m.GP64()
	m.LEAQ(operand.Mem{Base: step, Index: step, Scale: 2}, seven)
	m.LEAQ(operand.Mem{Base: seven, Index: step, Scale: 4}, seven)
	return func(p reg.GPVirtual, r int) operand.Mem {
		if r == 7 {
			return operand.Mem{Base: p, Index: seven, Scale: 1}
		}
		return first(p, r)
	}
}

// transposed returns the columns of eight rows: pairs of rows are interleaved, then pairs of pairs, then halves.
func (m *machine) transposed(a [8]vector) (out [8]vector) {
	var t, s [8]vector
	for i := 0; i < 8; i += 2 {
		t[i], t[i+1] = m.vec(), m.vec()
		m.VUNPCKLPS(a[i+1], a[i], t[i])
		m.VUNPCKHPS(a[i+1], a[i], t[i+1])
	}
	for i := 0; i < 8; i += 4 {
		for j := range 2 {
			s[i+2*j], s[i+2*j+1] = m.vec(), m.vec()
			m.VSHUFPS(operand.Imm(0x44), t[i+j+2], t[i+j], s[i+2*j])
			m.VSHUFPS(operand.Imm(0xee), t[i+j+2], t[i+j], s[i+2*j+1])
		}
	}
	for i := range 4 {
		out[i], out[i+4] = m.vec(), m.vec()
		m.VPERM2F128(operand.Imm(0x20), s[i+4], s[i], out[i])
		m.VPERM2F128(operand.Imm(0x31), s[i+4], s[i], out[i+4])
	}
	return out
}
