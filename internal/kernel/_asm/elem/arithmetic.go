package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The arithmetic below returns its result in a fresh register unless it says otherwise. Constants are read from
// memory, which costs no arithmetic port.

type vector = reg.VecVirtual

// constant loads a number into every lane.
func (m *machine) constant(c float64) vector { return m.pattern(math.Float32bits(float32(c))) }

func (m *machine) pattern(bits uint32) vector {
	v := m.vec()
	m.VBROADCASTSS(m.bits(bits), v)
	return v
}

func (m *machine) zero() vector {
	v := m.vec()
	m.VXORPS(v, v, v)
	return v
}

func (m *machine) move(a vector) vector {
	v := m.vec()
	m.VMOVAPS(a, v)
	return v
}

func (m *machine) add(a, b vector) vector { v := m.vec(); m.VADDPS(b, a, v); return v }
func (m *machine) sub(a, b vector) vector { v := m.vec(); m.VSUBPS(b, a, v); return v }
func (m *machine) mul(a, b vector) vector { v := m.vec(); m.VMULPS(b, a, v); return v }
func (m *machine) div(a, b vector) vector { v := m.vec(); m.VDIVPS(b, a, v); return v }

// min and max return b where either is NaN.
func (m *machine) min(a, b vector) vector { v := m.vec(); m.VMINPS(b, a, v); return v }
func (m *machine) max(a, b vector) vector { v := m.vec(); m.VMAXPS(b, a, v); return v }

func (m *machine) addC(a vector, c float64) vector {
	v := m.vec()
	if m.avx512() {
		m.VADDPS_BCST(m.float(c), a, v)
	} else {
		m.VADDPS(m.float(c), a, v)
	}
	return v
}

func (m *machine) mulC(a vector, c float64) vector {
	v := m.vec()
	if m.avx512() {
		m.VMULPS_BCST(m.float(c), a, v)
	} else {
		m.VMULPS(m.float(c), a, v)
	}
	return v
}

// fma puts a·b + c into c.
func (m *machine) fma(a, b, c vector) vector { m.VFMADD231PS(b, a, c); return c }

// fnma puts c - a·b into c.
func (m *machine) fnma(a, b, c vector) vector { m.VFNMADD231PS(b, a, c); return c }

// fmaC puts a·c + r into r.
func (m *machine) fmaC(a vector, c float64, r vector) vector {
	if m.avx512() {
		m.VFMADD231PS_BCST(m.float(c), a, r)
	} else {
		m.VFMADD231PS(m.float(c), a, r)
	}
	return r
}

// step puts r·x + c into r.
func (m *machine) step(r, x vector, c float64) vector {
	if m.avx512() {
		m.VFMADD213PS_BCST(m.float(c), x, r)
	} else {
		m.VFMADD213PS(m.float(c), x, r)
	}
	return r
}

// and, xor combine with a bit pattern.
func (m *machine) and(a vector, bits uint32) vector {
	v := m.vec()
	if m.avx512() {
		m.VANDPS_BCST(m.bits(bits), a, v)
	} else {
		m.VANDPS(m.bits(bits), a, v)
	}
	return v
}

func (m *machine) xor(a vector, bits uint32) vector {
	v := m.vec()
	if m.avx512() {
		m.VXORPS_BCST(m.bits(bits), a, v)
	} else {
		m.VXORPS(m.bits(bits), a, v)
	}
	return v
}

const (
	absBits  = 0x7fffffff
	signBits = 0x80000000
	nanBits  = 0x7fc00000
)

// Predicates of choose. Those called isNot and isUnordered are true for NaN.
const (
	isEqual          = 0
	isUnordered      = 3
	isNotEqual       = 4
	isNotLessOrEqual = 22
	isOrdered        = 7
	isLess           = 17
	isLessOrEqual    = 18
	isGreaterOrEqual = 29
	isGreater        = 30
)

// choose returns yes where a and b compare as the predicate says, otherwise no.
func (m *machine) choose(predicate int, a, b, yes, no vector) vector {
	v := m.vec()
	if m.avx512() {
		m.VCMPPS(operand.Imm(uint64(predicate)), b, a, cmpMask)
		m.VBLENDMPS(yes, no, cmpMask, v)
		return v
	}
	mask := m.vec()
	m.VCMPPS(operand.Imm(uint64(predicate)), b, a, mask)
	m.VBLENDVPS(mask, yes, no, v)
	return v
}

// bySign returns negative where the sign bit of a is set, otherwise positive.
func (m *machine) bySign(a, negative, positive vector) vector {
	v := m.vec()
	if m.avx512() {
		m.VPMOVD2M(a, cmpMask)
		m.VBLENDMPS(negative, positive, cmpMask, v)
	} else {
		m.VBLENDVPS(a, negative, positive, v)
	}
	return v
}

func (m *machine) or(a, b vector) vector { v := m.vec(); m.VORPS(b, a, v); return v }

func (m *machine) squareRest(a, square vector) vector {
	v := m.move(square)
	m.VFMSUB231PS(a, a, v)
	return v
}

// round rounds to an integer: mode 0 to nearest even, 1 down, 2 up.
func (m *machine) round(a vector, mode uint64) vector {
	v := m.vec()
	if m.avx512() {
		m.VRNDSCALEPS(operand.Imm(mode|8), a, v)
	} else {
		m.VROUNDPS(operand.Imm(mode|8), a, v)
	}
	return v
}

func (m *machine) sqrt(a vector) vector { v := m.vec(); m.VSQRTPS(a, v); return v }

// power2 is for n of -250 to 250.
func (m *machine) power2(a, n vector) vector {
	if m.avx512() {
		v := m.vec()
		m.VSCALEFPS(n, a, v)
		return v
	}
	whole, half := m.vec(), m.vec()
	m.VCVTPS2DQ(n, whole)
	m.VPSRAD(operand.Imm(1), whole, half)
	m.VPSUBD(half, whole, whole)
	return m.mul(m.mul(a, m.exponent(half)), m.exponent(whole))
}

// exponent returns 2^n for integers n of -126 to 127 held as such. It overwrites n.
func (m *machine) exponent(n vector) vector {
	m.VPADDD(m.bits(127), n, n)
	m.VPSLLD(operand.Imm(23), n, n)
	return n
}
