package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// row is a row of n numbers as units: all but the last are whole, the last has 1 to 16 numbers.
type row struct {
	*isa
	units reg.GPVirtual      // whole units before the last
	keep  reg.OpmaskPhysical // numbers of the last unit (AVX-512)
	from  reg.GPVirtual      // where the masks of the last unit are (AVX2)
}

// row sets the masks up for rows of as many numbers as the parameter says.
func (s *isa) row(count string) row {
	r := row{isa: s, units: s.pointer(count), keep: reg.K1}
	tail := s.GP64()
	s.DECQ(r.units)
	s.MOVQ(r.units, tail)
	s.ANDQ(operand.Imm(15), tail)
	s.SHRQ(operand.Imm(4), r.units)
	if s.n == 1 {
		bits := s.GP32()
		s.INCQ(tail)
		s.MOVL(operand.U32(0xffff), bits)
		s.BZHIL(tail.As32(), bits, bits)
		s.KMOVW(bits, r.keep)
		return r
	}
	r.from = s.GP64()
	s.LEAQ(s.masks(), r.from)
	s.SHLQ(operand.Imm(2), tail)
	s.SUBQ(tail, r.from)
	return r
}

// masks is the address of the masks for one number; 4·t bytes before it are those for t more.
func (s *isa) masks() operand.Mem {
	m, ok := s.tables["masks"]
	if !ok {
		m = s.StaticGlobal("attn_masks")
		s.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := range 32 {
			bits := operand.U32(0)
			if i < 16 {
				bits = 0xffffffff
			}
			s.AddDatum(4*i, bits)
		}
		s.tables["masks"] = m
	}
	return m.Offset(60)
}

// mask loads the mask of register i of the last unit (AVX2).
func (r row) mask(i int) reg.VecVirtual {
	m := r.YMM()
	r.VMOVDQU(operand.Mem{Base: r.from, Disp: 32 * i}, m)
	return m
}

// loadLast reads the last unit and zeros behind it.
func (r row) loadLast(p reg.Register) unit {
	u := r.unit()
	for i := range u {
		if r.n == 1 {
			r.VMOVUPS_Z(r.at(p, i), r.keep, u[i])
		} else {
			r.VMASKMOVPS(r.at(p, i), r.mask(i), u[i])
		}
	}
	return u
}

// storeLast writes the last unit and nothing behind it.
func (r row) storeLast(u unit, p reg.Register) {
	for i := range u {
		if r.n == 1 {
			r.VMOVUPS(u[i], r.keep, r.at(p, i))
		} else {
			r.VMASKMOVPS(u[i], r.mask(i), r.at(p, i))
		}
	}
}

// lowest puts -Inf behind the last number.
func (r row) lowest(u unit) {
	low := r.all(r.data("lowest", 0xff800000))
	for i := range u {
		if r.n == 1 {
			r.VBLENDMPS(u[i], low, r.keep, u[i])
		} else {
			r.VBLENDVPS(r.mask(i), u[i], low, u[i])
		}
	}
}
