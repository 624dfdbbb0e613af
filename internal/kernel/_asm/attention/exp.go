package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
)

// expConstants are the operands that hold the constants of exp.
type expConstants struct {
	log2e, round, ln2hi, ln2lo, least, one operand.Op
	poly                                   []operand.Op
}

// expPoly are the coefficients of q in e^r = 1 + r + r²·q(r) for |r| ≤ ln(2)/2, highest first, fitted for the
// least maximal relative error of e^r, which is 0.06·2^-24 before rounding.
var expPoly = []float32{0.0013813144760206342, 0.008369418792426586, 0.04166845604777336, 0.16666515171527863, 0.4999999403953552}

// ln(2) in two parts, the first so short that its product with an exponent is exact.
const (
	ln2hi = 0.693359375
	ln2lo = -2.12194440054690583e-4
)

func (s *isa) expSetup() expConstants {
	c := expConstants{
		log2e: s.constant("log2e", 1.4426950408889634),
		round: s.constant("round", 3<<22+127),
		ln2hi: s.constant("ln2hi", ln2hi),
		ln2lo: s.constant("ln2lo", ln2lo),
		least: s.constant("least", -87.3),
		one:   s.constant("one", 1),
	}
	for i, v := range expPoly {
		c.poly = append(c.poly, s.constant(fmt.Sprint("exp", i), v))
	}
	return c
}

// exp replaces each x ≤ 88 by e^x, and by 0 below -87.3: a probability that small changes nothing, and numbers
// that are not normal would slow the products down. NaN stays NaN.
//
// Adding the constant round leaves the rounded exponent n of 2, plus 127, in the low bits of a float; shifted left
// by 23 those are the float 2^n.
func (s *isa) exp(c expConstants, x unit) {
	const notLess = 5 // also true for NaN
	for _, v := range x {
		t, n, r, p := s.new(), s.new(), s.new(), s.new()
		s.VMOVUPS(c.log2e, t)
		s.VFMADD213PS(c.round, v, t)
		s.VSUBPS(c.round, t, n)
		s.VMOVAPS(v, r)
		s.VFNMADD231PS(c.ln2hi, n, r)
		s.VFNMADD231PS(c.ln2lo, n, r)
		s.VMOVUPS(c.poly[0], p)
		for _, k := range c.poly[1:] {
			s.VFMADD213PS(k, r, p)
		}
		s.VMULPS(r, r, n)
		s.VFMADD213PS(r, n, p)
		s.VADDPS(c.one, p, p)
		s.VPSLLD(operand.Imm(23), t, t)
		if s.n == 1 {
			k := s.K()
			s.VCMPPS(operand.Imm(notLess), c.least, v, k)
			s.VMULPS_Z(t, p, k, v)
		} else {
			s.VCMPPS(operand.Imm(notLess), c.least, v, n)
			s.VMULPS(t, p, p)
			s.VANDPS(n, p, v)
		}
	}
}

// logPoly are the coefficients of q in ln(1+z) = z - z²/2 + z³·q(z) for √½ ≤ 1+z ≤ √2, highest first, fitted for
// the least maximal error, which is 0.12·2^-24 before rounding.
var logPoly = []float32{0.08672188222408295, -0.1437900811433792, 0.14977993071079254, -0.16564425826072693, 0.19954875111579895, -0.250016987323761, 0.33334165811538696}

// log returns the natural logarithm of normal positive numbers, and NaN for NaN and infinity.
func (s *isa) log(x unit) unit {
	y := s.unit()
	for i, v := range x {
		e, z, p, sq := s.new(), s.new(), s.new(), s.new()
		bits := s.all(s.data("sqrthalf", 0x3f3504f3))
		s.VPSUBD(bits, v, e)
		s.VPSRAD(operand.Imm(23), e, e)
		s.VPSLLD(operand.Imm(23), e, z)
		s.VPSUBD(z, v, z)
		s.VCVTDQ2PS(e, e)
		s.VSUBPS(s.constant("one", 1), z, z)
		s.VMOVUPS(s.constant("log0", logPoly[0]), p)
		for j, k := range logPoly[1:] {
			s.VFMADD213PS(s.constant(fmt.Sprint("log", j+1), k), z, p)
		}
		s.VMULPS(z, z, sq)
		s.VMULPS(z, p, p)
		s.VFMADD231PS(s.constant("ln2lo", ln2lo), e, z)
		s.VFNMADD231PS(s.constant("half", 0.5), sq, z)
		s.VFMADD231PS(p, sq, z)
		s.VFMADD231PS(s.constant("ln2hi", ln2hi), e, z)
		s.VSUBPS(v, v, y[i])
		s.VADDPS(z, y[i], y[i])
	}
	return y
}
