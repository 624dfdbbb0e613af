package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var zmm = []reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
	reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
}

// near is how far ahead, in bytes, the panel is brought into the first-level cache.
const near = 1024

// avx512 writes the AVX-512 kernels: tiles of up to 14 rows by two vectors, the sums in Z0 to Z27, and the
// same by one vector. Columns beyond the tile's are masked at both ends.
func avx512(ctx *build.Context) {
	for _, wide := range []int{2, 1} {
		f := &family{Context: ctx, name: "gemmAVX512x16", height: 14, wide: wide, unroll: 4,
			prologue: start512, epilogue: store512, step: step512, prefetch: prefetch512}
		doc := "gemmAVX512x16 computes a tile of up to 14 rows and 16 columns."
		if wide == 2 {
			f.name = "gemmAVX512x32"
			doc = "gemmAVX512x32 computes a tile of up to 14 rows and 32 columns in two panels."
		}
		f.emit(doc)
	}
}

// start512 sets the masks of the columns and loads the start values.
func start512(f *family, rows int) {
	f.MOVL(operand.U32(0xffffffff), free0.As32())
	f.MOVQ(field(offCols), free1)
	f.BZHIL(free1.As32(), free0.As32(), free0.As32())
	f.KMOVW(free0.As32(), reg.K1)
	f.SHRL(operand.Imm(16), free0.As32())
	f.KMOVW(free0.As32(), reg.K2)
	f.MOVQ(field(offStart), free0)
	f.MOVQ(field(offLdstart), free1)
	for r := range rows {
		for v := range f.wide {
			f.VMOVUPS_Z(operand.Mem{Base: free0, Disp: 64 * v}, []reg.OpmaskPhysical{reg.K1, reg.K2}[v], zmm[f.wide*r+v])
		}
		if r < rows-1 {
			f.ADDQ(free1, free0)
		}
	}
}

func store512(f *family, rows int) {
	f.MOVQ(field(offC), free0)
	f.MOVQ(field(offLdc), free1)
	for r := range rows {
		for v := range f.wide {
			f.VMOVUPS(zmm[f.wide*r+v], []reg.OpmaskPhysical{reg.K1, reg.K2}[v], operand.Mem{Base: free0, Disp: 64 * v})
		}
		if r < rows-1 {
			f.ADDQ(free1, free0)
		}
	}
	f.VZEROUPPER()
}

// step512 adds one step of k: each element of A's column is broadcast and multiplied with the row of B.
func step512(f *family, rows, i int, a func(r int) operand.Mem) {
	f.VMOVUPS(operand.Mem{Base: b, Disp: 64 * i}, reg.Z28)
	if f.wide == 2 {
		f.VMOVUPS(operand.Mem{Base: b, Index: panel, Scale: 1, Disp: 64 * i}, reg.Z29)
	}
	for r := range rows {
		f.VBROADCASTSS(a(r), zmm[30+r%2])
		for v := range f.wide {
			f.VFMADD231PS(zmm[28+v], zmm[30+r%2], zmm[f.wide*r+v])
		}
	}
}

// prefetch512 brings in the lines that four steps use near bytes later, and a line per panel of the next strip.
func prefetch512(f *family, rows int) {
	for i := range f.unroll {
		f.PREFETCHT0(operand.Mem{Base: b, Disp: near + 64*i})
		if f.wide == 2 {
			f.PREFETCHT0(operand.Mem{Base: b, Index: panel, Scale: 1, Disp: near + 64*i})
		}
	}
	f.PREFETCHT1(operand.Mem{Base: next})
	if f.wide == 2 {
		f.PREFETCHT1(operand.Mem{Base: next, Index: panel, Scale: 1})
	}
	f.ADDQ(operand.Imm(64), next)
}
