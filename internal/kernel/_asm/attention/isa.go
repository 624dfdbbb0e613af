package main

import (
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa writes units of 16 numbers in n registers.
type isa struct {
	*build.Context
	name   string
	n      int
	tables map[string]operand.Mem // constants of the file
}

// unit is 16 numbers.
type unit []reg.VecVirtual

// new reserves a register.
func (s *isa) new() reg.VecVirtual {
	if s.n == 1 {
		return s.ZMM()
	}
	return s.YMM()
}

// unit reserves the registers of a unit.
func (s *isa) unit() unit {
	u := make(unit, s.n)
	for i := range u {
		u[i] = s.new()
	}
	return u
}

// all broadcasts a number from a register or memory into one register, used by every part of a unit.
func (s *isa) all(x operand.Op) reg.VecVirtual {
	v := s.new()
	s.VBROADCASTSS(x, v)
	return v
}

// data is a constant in memory, as many times as a register of AVX2 holds. It is stored by its bits: not every
// number survives being printed.
func (s *isa) data(name string, bits uint32) operand.Mem {
	if m, ok := s.tables[name]; ok {
		return m
	}
	m := s.StaticGlobal("attn_" + name)
	s.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 8 {
		s.AddDatum(4*i, operand.U32(bits))
	}
	s.tables[name] = m
	return m
}

// constant is an operand that is all of x: a register of the many of AVX-512, memory for AVX2.
func (s *isa) constant(name string, x float32) operand.Op {
	m := s.data(name, math.Float32bits(x))
	if s.n == 1 {
		return s.all(m)
	}
	return m
}

// at is the part of a unit in memory that belongs to register i.
func (s *isa) at(p reg.Register, i int) operand.Mem {
	return operand.Mem{Base: p, Disp: 64 / s.n * i}
}

// load reads a unit.
func (s *isa) load(p reg.Register) unit {
	u := s.unit()
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
	u := s.unit()
	for i := range u {
		s.VXORPS(u[i].AsY(), u[i].AsY(), u[i].AsY())
	}
	return u
}

// add and most are the two ways to fold a unit; most keeps its first operand where the second is NaN.
func (s *isa) add(a, b, c operand.Op)  { s.VADDPS(a, b, c) }
func (s *isa) most(a, b, c operand.Op) { s.VMAXPS(a, b, c) }

// fold reduces a unit to its first element with op: 16, 8, 4, 2, 1 numbers, on both instruction sets alike.
func (s *isa) fold(u unit, op func(a, b, c operand.Op)) reg.VecVirtual {
	y, t := s.YMM(), s.YMM()
	s.VMOVAPS(u[0].AsY(), y)
	if s.n == 1 {
		s.VEXTRACTF64X4(operand.Imm(1), u[0], t)
	} else {
		s.VMOVAPS(u[1], t)
	}
	op(t, y, y)
	x, z := s.XMM(), s.XMM()
	s.VEXTRACTF128(operand.Imm(1), y, x)
	op(x, y.AsX(), x)
	s.VPERMILPS(operand.Imm(0x4e), x, z)
	op(z, x, x)
	s.VPERMILPS(operand.Imm(0xb1), x, z)
	op(z, x, x)
	return x
}

// next moves a pointer one unit on.
func (s *isa) next(p reg.Register) { s.ADDQ(operand.Imm(64), p) }

// pointer loads an integer or pointer parameter.
func (s *isa) pointer(name string) reg.GPVirtual {
	return s.Load(s.Param(name), s.GP64()).(reg.GPVirtual)
}

// copyOf returns a copy of a register.
func (s *isa) copyOf(p reg.Register) reg.GPVirtual {
	c := s.GP64()
	s.MOVQ(p, c)
	return c
}

// scalar broadcasts a parameter.
func (s *isa) scalar(name string) reg.VecVirtual {
	a, err := s.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return s.all(a.Addr)
}

// loop runs body count times; count is at least 1 and is used up.
func (s *isa) loop(label string, count reg.GPVirtual, body func()) {
	s.Label(label)
	body()
	s.DECQ(count)
	s.JNE(operand.LabelRef(label))
}

// loop0 is loop for a count that may be 0.
func (s *isa) loop0(label string, count reg.GPVirtual, body func()) {
	s.TESTQ(count, count)
	s.JZ(operand.LabelRef(label + "none"))
	s.loop(label, count, body)
	s.Label(label + "none")
}
