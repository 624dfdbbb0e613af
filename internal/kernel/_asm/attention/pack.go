package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/plumbline-ml/plumbline/internal/kernel/_asm/emit"
)

// copyRows writes the packing of 16 columns.
func copyRows(s *isa) {
	name := "packRows" + s.name
	emit.Begin(s.Context, name, "func(dst *float32, to uintptr, src *float32, from uintptr, rows int)",
		name+" copies rows of 16 numbers that lie from bytes apart to places to bytes apart, in order.")
	dst, to, src, from, rows := s.pointer("dst"), s.pointer("to"), s.pointer("src"), s.pointer("from"), s.pointer("rows")
	s.loop("loop", rows, func() {
		s.store(s.load(src), dst)
		s.ADDQ(from, src)
		s.ADDQ(to, dst)
	})
	s.VZEROUPPER()
	s.RET()
}

// transpose writes the packing of 16 columns of a transposed matrix.
func transpose(s *isa) {
	name := "packTranspose" + s.name
	emit.Begin(s.Context, name, "func(dst, src *float32, stride uintptr, blocks int)",
		name+" writes the transpose of 16 rows, stride bytes apart, of 16·blocks numbers to dst: rows of 16 numbers, one after another.")
	dst, src, stride, blocks := s.pointer("dst"), s.pointer("src"), s.pointer("stride"), s.pointer("blocks")
	s.loop("loop", blocks, func() {
		if s.n == 1 {
			s.transpose512(dst, src, stride)
		} else {
			s.transpose256(dst, src, stride)
		}
		s.ADDQ(operand.U32(1024), dst)
		s.next(src)
	})
	s.VZEROUPPER()
	s.RET()
}

// transpose512 writes the 16×16 transpose in registers: pairs, then fours within each quarter, then quarters.
func (s *isa) transpose512(dst, src, stride reg.GPVirtual) {
	var r, t [16]reg.VecVirtual
	p := s.copyOf(src)
	for i := range r {
		r[i], t[i] = s.ZMM(), s.ZMM()
		s.VMOVUPS(operand.Mem{Base: p}, r[i])
		s.ADDQ(stride, p)
	}
	s.pairs(r[:], t[:])
	for i := range 4 { // r[i+4j] holds, in its quarter q, column 4q+i of rows 4j to 4j+3
		s.VSHUFF32X4(operand.Imm(0x88), r[i+4], r[i], t[i])
		s.VSHUFF32X4(operand.Imm(0xdd), r[i+4], r[i], t[i+4])
		s.VSHUFF32X4(operand.Imm(0x88), r[i+12], r[i+8], t[i+8])
		s.VSHUFF32X4(operand.Imm(0xdd), r[i+12], r[i+8], t[i+12])
	}
	for i := range 4 {
		s.VSHUFF32X4(operand.Imm(0x88), t[i+8], t[i], r[i])
		s.VSHUFF32X4(operand.Imm(0x88), t[i+12], t[i+4], r[i+4])
		s.VSHUFF32X4(operand.Imm(0xdd), t[i+8], t[i], r[i+8])
		s.VSHUFF32X4(operand.Imm(0xdd), t[i+12], t[i+4], r[i+12])
	}
	for i := range 16 {
		s.VMOVUPS(r[i], operand.Mem{Base: dst, Disp: 64 * i})
	}
}

// pairs interleaves rows two by two and then four by four within each 128-bit part, from r by way of t to r.
func (s *isa) pairs(r, t []reg.VecVirtual) {
	for i := 0; i < len(r); i += 2 {
		s.VUNPCKLPS(r[i+1], r[i], t[i])
		s.VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	for i := 0; i < len(r); i += 4 {
		s.VUNPCKLPD(t[i+2], t[i], r[i])
		s.VUNPCKHPD(t[i+2], t[i], r[i+1])
		s.VUNPCKLPD(t[i+3], t[i+1], r[i+2])
		s.VUNPCKHPD(t[i+3], t[i+1], r[i+3])
	}
}

// transpose256 does the same with four 8×8 transposes, rows 0 to 7 and 8 to 15 by columns 0 to 7 and 8 to 15.
func (s *isa) transpose256(dst, src, stride reg.GPVirtual) {
	p := s.copyOf(src)
	for half := range 2 {
		low := s.copyOf(p)
		for part := range 2 {
			s.MOVQ(low, p)
			s.transpose8(p, stride, 32*part, dst, 512*part+32*half)
		}
	}
}

// transpose8 transposes eight rows from p on, eight numbers each from the offset from, to rows 64 bytes apart.
func (s *isa) transpose8(p, stride reg.GPVirtual, from int, dst reg.GPVirtual, to int) {
	var r, t [8]reg.VecVirtual
	for i := range r {
		r[i], t[i] = s.YMM(), s.YMM()
		s.VMOVUPS(operand.Mem{Base: p, Disp: from}, r[i])
		s.ADDQ(stride, p)
	}
	s.pairs(r[:], t[:])
	for i := range 4 {
		s.VPERM2F128(operand.Imm(0x20), r[i+4], r[i], t[i])
		s.VPERM2F128(operand.Imm(0x31), r[i+4], r[i], t[i+4])
	}
	for i := range 8 {
		s.VMOVUPS(t[i], operand.Mem{Base: dst, Disp: to + 64*i})
	}
}

// widen writes the conversions of half-precision numbers.
func widen(s *isa) {
	for _, format := range []string{"Float16", "BFloat16"} {
		name := "packWiden" + format + s.name
		emit.Begin(s.Context, name, "func(dst *float32, src *uint16, units int)", name+" converts 16·units numbers.")
		dst, src, units := s.pointer("dst"), s.pointer("src"), s.pointer("units")
		s.loop("loop", units, func() {
			u := s.unit()
			for i := range u {
				from := operand.Mem{Base: src, Disp: 16 * i}
				if format == "Float16" {
					s.VCVTPH2PS(from, u[i])
				} else {
					s.VPMOVZXWD(from, u[i])
					s.VPSLLD(operand.Imm(16), u[i], u[i])
				}
			}
			s.store(u, dst)
			s.ADDQ(operand.Imm(32), src)
			s.next(dst)
		})
		s.VZEROUPPER()
		s.RET()
	}
}
