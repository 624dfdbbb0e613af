package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// expConstants are the registers that hold the constants of exp.
type expConstants struct {
	log2e, ln2hi, ln2lo, least, one, high reg.VecVirtual
}

// expPoly are the coefficients of q in e^r = 1 + r + r²·q(r) for |r| ≤ ln(2)/2, highest first, fitted for the
// least maximal relative error of e^r, which is 0.06·2^-24 before rounding.
var expPoly = []float32{0.0013813144760206342, 0.008369418792426586, 0.04166845604777336, 0.16666515171527863, 0.4999999403953552}

func (s *isa) expSetup() expConstants {
	return expConstants{
		log2e: s.constant("log2e", 1.4426950408889634),
		ln2hi: s.constant("ln2hi", 0.693359375),
		ln2lo: s.constant("ln2lo", -2.12194440054690583e-4),
		least: s.constant("least", -87.3),
		one:   s.constant("one", 1),
		high:  s.constant("poly0", expPoly[0]),
	}
}

// exp replaces each x ≤ 88 by e^x, and by 0 below -87.3: a probability that small changes nothing, and numbers
// that are not normal would slow the products down. NaN stays NaN.
func (s *isa) exp(c expConstants, x unit) {
	for i, v := range x {
		n, r, p := s.new()[0], s.new()[0], s.new()[0]
		s.VMULPS(c.log2e, v, n)
		if s.n == 1 {
			s.VRNDSCALEPS(operand.Imm(8), n, n)
		} else {
			s.VROUNDPS(operand.Imm(8), n, n)
		}
		s.VMOVAPS(v, r)
		s.VFNMADD231PS(c.ln2hi, n, r)
		s.VFNMADD231PS(c.ln2lo, n, r)
		s.VMOVAPS(c.high, p)
		for j, k := range expPoly[1:] {
			m := s.data(fmt.Sprint("poly", j+1), math.Float32bits(k))
			if s.n == 1 {
				s.VFMADD213PS_BCST(m, r, p)
			} else {
				s.VFMADD213PS(s.all(m), r, p)
			}
		}
		sq := s.new()[0]
		s.VMULPS(r, r, sq)
		s.VFMADD213PS(r, sq, p)
		s.VADDPS(c.one, p, p)
		s.expScale(c, v, n, p)
		x[i] = v
	}
}

// expScale sets v to p·2^n, or to 0 where v is below the least argument.
func (s *isa) expScale(c expConstants, v, n, p reg.VecVirtual) {
	const notLess = 5 // also true for NaN
	if s.n == 1 {
		k := s.K()
		s.VCMPPS(operand.Imm(notLess), c.least, v, k)
		s.VSCALEFPS_Z(n, p, k, v)
		return
	}
	keep := s.YMM()
	s.VCMPPS(operand.Imm(notLess), c.least, v, keep)
	s.VCVTPS2DQ(n, n)
	s.VPSLLD(operand.Imm(23), n, n)
	s.VPADDD(n, p, p)
	s.VANDPS(keep, p, v)
}
