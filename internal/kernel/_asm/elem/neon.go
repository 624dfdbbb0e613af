package main

import (
	"fmt"
	"math"
)

// neon records the straight-line body of a kernel for NEON, vectors of four numbers. The assembler knows few of its
// floating-point instructions, so most are written as words. Registers are virtual until the body is printed.
type neon struct {
	constants *neonConstants
	code      []neonInstruction
	registers int
}

// neonInstruction is one line of assembly; uses are the virtual registers it names, in the order text takes them.
type neonInstruction struct {
	text func(r []int) string
	uses []int
}

// neonConstants are the numbers the kernels load, each stored four times.
type neonConstants struct{ order []uint32 }

func (c *neonConstants) offset(bits uint32) int {
	for i, b := range c.order {
		if b == bits {
			return 16 * i
		}
	}
	c.order = append(c.order, bits)
	return 16 * (len(c.order) - 1)
}

func (m *neon) fresh() int { m.registers++; return m.registers - 1 }

func (m *neon) emit(text func(r []int) string, uses ...int) {
	m.code = append(m.code, neonInstruction{text, uses})
}

// word emits an instruction on whole vectors given its encoding with all registers 0: destination, first, second source.
func (m *neon) word(name string, code uint32, d, n, k int) int {
	m.emit(func(r []int) string {
		return fmt.Sprintf("WORD $0x%08x // %s V%d, V%d, V%d", code|uint32(r[2])<<16|uint32(r[1])<<5|uint32(r[0]), name, r[0], r[1], r[2])
	}, d, n, k)
	return d
}

// single is word for one source.
func (m *neon) single(name string, code uint32, n int) int {
	d := m.fresh()
	m.emit(func(r []int) string {
		return fmt.Sprintf("WORD $0x%08x // %s V%d, V%d", code|uint32(r[1])<<5|uint32(r[0]), name, r[0], r[1])
	}, d, n)
	return d
}

func (m *neon) pattern(bits uint32) int {
	d, at := m.fresh(), m.constants.offset(bits)
	m.emit(func(r []int) string { return fmt.Sprintf("FMOVQ %d(R5), F%d", at, r[0]) }, d)
	return d
}

func (m *neon) constant(c float64) int { return m.pattern(math.Float32bits(float32(c))) }
func (m *neon) zero() int              { return m.pattern(0) }

func (m *neon) copyTo(d, a int) int  { return m.word("ORR", 0x4ea01c00, d, a, a) }
func (m *neon) move(a int) int       { return m.copyTo(m.fresh(), a) }
func (m *neon) add(a, b int) int     { return m.word("FADD", 0x4e20d400, m.fresh(), a, b) }
func (m *neon) sub(a, b int) int     { return m.word("FSUB", 0x4ea0d400, m.fresh(), a, b) }
func (m *neon) mul(a, b int) int     { return m.word("FMUL", 0x6e20dc00, m.fresh(), a, b) }
func (m *neon) div(a, b int) int     { return m.word("FDIV", 0x6e20fc00, m.fresh(), a, b) }
func (m *neon) sqrt(a int) int       { return m.single("FSQRT", 0x6ea1f800, a) }
func (m *neon) min(a, b int) int     { return m.word("FMIN", 0x4ea0f400, m.fresh(), a, b) }
func (m *neon) max(a, b int) int     { return m.word("FMAX", 0x4e20f400, m.fresh(), a, b) }
func (m *neon) or(a, b int) int      { return m.word("ORR", 0x4ea01c00, m.fresh(), a, b) }
func (m *neon) fma(a, b, c int) int  { return m.word("FMLA", 0x4e20cc00, c, a, b) }
func (m *neon) fnma(a, b, c int) int { return m.word("FMLS", 0x4ea0cc00, c, a, b) }

func (m *neon) addC(a int, c float64) int        { return m.add(a, m.constant(c)) }
func (m *neon) mulC(a int, c float64) int        { return m.mul(a, m.constant(c)) }
func (m *neon) fmaC(a int, c float64, r int) int { return m.fma(a, m.constant(c), r) }

func (m *neon) step(r, x int, c float64) int { return m.copyTo(r, m.fma(r, x, m.constant(c))) }

func (m *neon) and(a int, bits uint32) int {
	return m.word("AND", 0x4e201c00, m.fresh(), a, m.pattern(bits))
}

func (m *neon) xor(a int, bits uint32) int {
	return m.word("EOR", 0x6e201c00, m.fresh(), a, m.pattern(bits))
}

func (m *neon) round(a int, mode uint64) int {
	names, codes := []string{"FRINTN", "FRINTM", "FRINTP"}, []uint32{0x4e218800, 0x4e219800, 0x4ea18800}
	return m.single(names[mode], codes[mode], a)
}

// power2 multiplies by two powers, as one may be out of range.
func (m *neon) power2(a, n int) int {
	n = m.single("FCVTNS", 0x4e21a800, n)
	half := m.single("SSHR $1", 0x4f3f0400, n)
	rest := m.word("SUB", 0x6ea08400, m.fresh(), n, half)
	return m.mul(m.mul(a, m.exponent(half)), m.exponent(rest))
}

// exponent returns 2^n for integers n of -126 to 127 held as such.
func (m *neon) exponent(n int) int {
	biased := m.word("ADD", 0x4ea08400, m.fresh(), n, m.pattern(127))
	return m.single("SHL $23", 0x4f375400, biased)
}

func (m *neon) squareRest(a, square int) int {
	return m.fma(a, a, m.single("FNEG", 0x6ea0f800, square))
}

// where returns yes where mask is set and no where it is not, in the mask's register.
func (m *neon) where(mask, yes, no int) int { return m.word("BSL", 0x6e601c00, mask, yes, no) }

func (m *neon) bySign(a, negative, positive int) int {
	return m.where(m.single("CMLT $0", 0x4ea0a800, a), negative, positive)
}

func (m *neon) choose(predicate, a, b, yes, no int) int {
	switch {
	case predicate == isLess:
		return m.where(m.word("FCMGT", 0x6ea0e400, m.fresh(), b, a), yes, no)
	case predicate == isGreater:
		return m.where(m.word("FCMGT", 0x6ea0e400, m.fresh(), a, b), yes, no)
	case predicate == isUnordered && a == b:
		return m.where(m.word("FCMEQ", 0x4e20e400, m.fresh(), a, a), no, yes)
	}
	panic(fmt.Sprintf("NEON has no comparison %d", predicate))
}

// load and store move the vector in work and step on.
func (m *neon) load(pointer int) int {
	d := m.fresh()
	m.emit(func(r []int) string { return fmt.Sprintf("VLD1.P 16(R%d), [V%d.S4]", pointer, r[0]) }, d)
	return d
}

func (m *neon) store(v, pointer int) {
	m.emit(func(r []int) string { return fmt.Sprintf("VST1.P [V%d.S4], 16(R%d)", r[0], pointer) }, v)
}

// lines returns the body with registers allotted from their first to their last use.
func (m *neon) lines() []string {
	last := make([]int, m.registers)
	for i, in := range m.code {
		for _, v := range in.uses {
			last[v] = i
		}
	}
	place := make([]int, m.registers)
	for v := range place {
		place[v] = -1
	}
	free := make([]int, 32)
	for i := range free {
		free[i] = 31 - i
	}
	var out []string
	for i, in := range m.code {
		r := make([]int, len(in.uses))
		for j, v := range in.uses {
			if place[v] < 0 {
				place[v], free = free[len(free)-1], free[:len(free)-1]
			}
			r[j] = place[v]
		}
		out = append(out, in.text(r))
		for v, l := range last {
			if l == i && place[v] >= 0 {
				free = append(free, place[v])
			}
		}
	}
	return out
}
