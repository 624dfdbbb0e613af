package main

import (
	"math"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa writes units of 16 numbers in n registers.
type isa struct {
	*build.Context
	name string
	n    int
}

// unit is 16 numbers.
type unit []reg.VecVirtual

// new reserves the registers of a unit.
func (s *isa) new() unit {
	u := make(unit, s.n)
	for i := range u {
		if s.n == 1 {
			u[i] = s.ZMM()
		} else {
			u[i] = s.YMM()
		}
	}
	return u
}

// all broadcasts a number from a register or memory into one register, used by every part of a unit.
func (s *isa) all(x operand.Op) reg.VecVirtual {
	v := s.new()[0]
	s.VBROADCASTSS(x, v)
	return v
}

// constant is all of a constant, which is stored by its bits: not every number survives being printed.
func (s *isa) constant(name string, x float32) reg.VecVirtual {
	return s.all(s.data(name, math.Float32bits(x)))
}

// data returns a constant of the file.
func (s *isa) data(name string, bits uint32) operand.Mem {
	if m, ok := constants[name]; ok {
		return m
	}
	constants[name] = s.ConstData("attn_"+name, operand.U32(bits))
	return constants[name]
}

var constants = map[string]operand.Mem{}

// at is the part of a unit in memory that belongs to register i.
func (s *isa) at(p reg.Register, i int) operand.Mem {
	return operand.Mem{Base: p, Disp: 64 / s.n * i}
}

// load reads a unit.
func (s *isa) load(p reg.Register) unit {
	u := s.new()
	for i := range u {
		s.VMOVUPS(s.at(p, i), u[i])
	}
	return u
}

// store writes a unit.
func (s *isa) store(u unit, p reg.Register) {
	for i := range u {
		s.VMOVUPS(u[i], s.at(p, i))
	}
}

// zero returns a unit of zeros.
func (s *isa) zero() unit {
	u := s.new()
	for i := range u {
		s.VXORPS(u[i].AsY(), u[i].AsY(), u[i].AsY())
	}
	return u
}

// fold reduces a unit to its first element with op: 16, 8, 4, 2, 1 numbers, on both instruction sets alike.
func (s *isa) fold(u unit, op func(a, b, c reg.VecVirtual)) reg.VecVirtual {
	y, t := u[0], s.YMM()
	if s.n == 1 {
		s.VEXTRACTF64X4(operand.Imm(1), u[0], t)
		y = s.YMM()
		s.VMOVAPS(u[0].AsY(), y)
	} else {
		s.VMOVAPS(u[1], t)
	}
	op(t, y, y)
	x := s.XMM()
	s.VEXTRACTF128(operand.Imm(1), y, x)
	op(x, y.AsX().(reg.VecVirtual), x)
	z := s.XMM()
	s.VPERMILPS(operand.Imm(0x4e), x, z)
	op(z, x, x)
	s.VPERMILPS(operand.Imm(0xb1), x, z)
	op(z, x, x)
	return x
}

// loop runs body count times; count is at least 1 and is used up.
func (s *isa) loop(label string, count reg.GPVirtual, body func()) {
	s.Label(label)
	body()
	s.DECQ(count)
	s.JNE(operand.LabelRef(label))
}
