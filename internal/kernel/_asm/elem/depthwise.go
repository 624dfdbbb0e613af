package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// depthwise writes the two loops of a convolution of one channel. Strides are in bytes. Reads are not masked: the
// operands must be readable up to a whole vector.
func depthwise(m *machine) {
	for _, rows := range []int{1, 4, 7} {
		correlate(m, rows)
	}
	correlateTaps(m)
}

// correlate computes several rows of y[r, c] = start + Σ w[i, j]·x[r·rowStep + i·tapRow + j·tapCol + c] at once, so that
// a weight is read once for all of them.
func correlate(m *machine, rows int) {
	name := fmt.Sprintf("correlate%d", rows)
	signature := "func(y, x, w *float32, ldy, rowStep, tapRow, tapCol, kh, kw int, start float32, n int)"
	m.kernel("", name, fmt.Sprintf("Correlate%d", rows), signature, fmt.Sprintf("computes %d rows of a correlation.", rows), func() {
		x, w := m.pointer("x"), m.pointer("w")
		step, tapCol := m.pointer("rowStep"), m.pointer("tapCol")
		row := m.rowAddress(step, rows)
		m.each(1, func(int) {
			acc := make([]vector, rows)
			for r := range acc {
				acc[r] = m.splat("start")
			}
			line, p, weight, i, j := m.GP64(), m.GP64(), m.GP64(), m.GP64(), m.GP64()
			m.LEAQ(m.here(x), line)
			m.MOVQ(w, weight)
			m.MOVQ(m.address(m.Param("kh")), i)
			tall, across := m.label("tall"), m.label("across")
			m.Label(tall)
			m.MOVQ(line, p)
			m.MOVQ(m.address(m.Param("kw")), j)
			m.Label(across)
			v := m.vec()
			m.VBROADCASTSS(operand.Mem{Base: weight}, v)
			for r := range acc {
				m.VFMADD231PS(row(p, r), v, acc[r])
			}
			m.ADDQ(tapCol, p)
			m.ADDQ(operand.Imm(4), weight)
			m.DECQ(j)
			m.JNZ(operand.LabelRef(across))
			m.ADDQ(m.address(m.Param("tapRow")), line)
			m.DECQ(i)
			m.JNZ(operand.LabelRef(tall))
			y := m.pointer("y")
			ldy := m.pointer("ldy")
			for r := range acc {
				m.store(acc[r], y)
				if r < rows-1 {
					m.ADDQ(ldy, y)
				}
			}
		})
	})
}

// rowAddress returns how to address row r of up to seven from a pointer to the first.
func (m *machine) rowAddress(step reg.GPVirtual, rows int) func(p reg.GPVirtual, r int) operand.Mem {
	var three, five reg.GPVirtual
	if rows > 3 {
		three = m.GP64()
		m.LEAQ(operand.Mem{Base: step, Index: step, Scale: 2}, three)
	}
	if rows > 5 {
		five = m.GP64()
		m.LEAQ(operand.Mem{Base: step, Index: step, Scale: 4}, five)
	}
	return func(p reg.GPVirtual, r int) operand.Mem {
		switch r {
		case 0:
			return operand.Mem{Base: p}
		case 3:
			return operand.Mem{Base: p, Index: three, Scale: 1}
		case 5:
			return operand.Mem{Base: p, Index: five, Scale: 1}
		case 6:
			return operand.Mem{Base: p, Index: three, Scale: 2}
		}
		return operand.Mem{Base: p, Index: step, Scale: uint8(r)}
	}
}

// correlateTaps computes, for four neighbouring weights, the sum of dy times what the weight meets. n is a multiple of
// the vector's length.
func correlateTaps(m *machine) {
	signature := "func(dw, dy, x *float32, ldy, rowStep, tapCol, rows, n int)"
	m.kernel("", "correlateTaps", "CorrelateTaps", signature, "writes Σ dy[r, c]·x[r·rowStep + j·tapCol + c] for j of 0 to 3 to dw.", func() {
		dy, x := m.pointer("dy"), m.pointer("x")
		tap, rows := m.pointer("tapCol"), m.pointer("rows")
		address := m.rowAddress(tap, 4)
		acc := m.zeros(4)
		p, end := m.GP64(), m.GP64()
		down, along := m.label("down"), m.label("along")
		m.Label(down)
		m.MOVQ(x, p)
		m.MOVQ(m.address(m.Param("n")), end)
		m.LEAQ(operand.Mem{Base: dy, Index: end, Scale: 4}, end)
		q := m.GP64()
		m.MOVQ(dy, q)
		m.Label(along)
		v := m.vec()
		m.VMOVUPS(operand.Mem{Base: q}, v)
		for j := range acc {
			m.VFMADD231PS(address(p, j), v, acc[j])
		}
		m.ADDQ(operand.Imm(uint64(m.wide*4)), p)
		m.ADDQ(operand.Imm(uint64(m.wide*4)), q)
		m.CMPQ(q, end)
		m.JB(operand.LabelRef(along))
		m.ADDQ(m.address(m.Param("rowStep")), x)
		m.ADDQ(m.address(m.Param("ldy")), dy)
		m.DECQ(rows)
		m.JNZ(operand.LabelRef(down))
		dw := m.pointer("dw")
		for j := range acc {
			m.VMOVSS(m.total(acc[j]).AsX(), operand.Mem{Base: dw, Disp: 4 * j})
		}
	})
}
