package main

import (
	"github.com/mmcloughlin/avo/build"
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

const transposeDoc = " writes the transpose of 16 rows, stride bytes apart, of 16·blocks numbers to dst: rows of 16 numbers, one after another."
const transposeSig = "func(dst, src *float32, stride uintptr, blocks int)"

// transpose512 writes the 16×16 transpose in registers: pairs, then fours within each quarter, then quarters.
func transpose512(ctx *build.Context) {
	s := &isa{ctx, "AVX512", 1}
	emit.Begin(ctx, "packTransposeAVX512", transposeSig, "packTransposeAVX512"+transposeDoc)
	dst, src, stride, blocks := s.pointer("dst"), s.pointer("src"), s.pointer("stride"), s.pointer("blocks")
	p := s.GP64()
	s.loop("loop", blocks, func() {
		var r, t [16]reg.VecVirtual
		s.MOVQ(src, p)
		for i := range r {
			r[i], t[i] = s.ZMM(), s.ZMM()
			s.VMOVUPS(operand.Mem{Base: p}, r[i])
			s.ADDQ(stride, p)
		}
		for i := 0; i < 16; i += 2 {
			s.VUNPCKLPS(r[i+1], r[i], t[i])
			s.VUNPCKHPS(r[i+1], r[i], t[i+1])
		}
		for i := 0; i < 16; i += 4 {
			s.VUNPCKLPD(t[i+2], t[i], r[i])
			s.VUNPCKHPD(t[i+2], t[i], r[i+1])
			s.VUNPCKLPD(t[i+3], t[i+1], r[i+2])
			s.VUNPCKHPD(t[i+3], t[i+1], r[i+3])
		}
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
		s.ADDQ(operand.U32(1024), dst)
		s.next(src)
	})
	s.VZEROUPPER()
	s.RET()
}

// transpose256 does the same with four 8×8 transposes, rows 0 to 7 and 8 to 15 by columns 0 to 7 and 8 to 15.
func transpose256(ctx *build.Context) {
	s := &isa{ctx, "AVX2", 2}
	emit.Begin(ctx, "packTransposeAVX2", transposeSig, "packTransposeAVX2"+transposeDoc)
	dst, src, stride, blocks := s.pointer("dst"), s.pointer("src"), s.pointer("stride"), s.pointer("blocks")
	p := s.GP64()
	s.loop("loop", blocks, func() {
		s.MOVQ(src, p)
		for half := range 2 {
			low := s.GP64()
			s.MOVQ(p, low)
			for part := range 2 {
				s.MOVQ(low, p)
				s.transpose8(p, stride, 32*part, dst, 512*part+32*half)
			}
		}
		s.ADDQ(operand.U32(1024), dst)
		s.next(src)
	})
	s.VZEROUPPER()
	s.RET()
}

// transpose8 transposes eight rows from p on, eight numbers each from the offset from, to rows 64 bytes apart.
func (s *isa) transpose8(p, stride reg.GPVirtual, from int, dst reg.GPVirtual, to int) {
	var r, t [8]reg.VecVirtual
	for i := range r {
		r[i], t[i] = s.YMM(), s.YMM()
		s.VMOVUPS(operand.Mem{Base: p, Disp: from}, r[i])
		s.ADDQ(stride, p)
	}
	for i := 0; i < 8; i += 2 {
		s.VUNPCKLPS(r[i+1], r[i], t[i])
		s.VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	for i := 0; i < 8; i += 4 {
		s.VUNPCKLPD(t[i+2], t[i], r[i])
		s.VUNPCKHPD(t[i+2], t[i], r[i+1])
		s.VUNPCKLPD(t[i+3], t[i+1], r[i+2])
		s.VUNPCKHPD(t[i+3], t[i+1], r[i+3])
	}
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
