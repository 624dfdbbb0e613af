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

// avx512 writes the AVX-512 kernels: tiles of up to 14 rows by two vectors, the sums in Z0 to Z27, and the
// same by one vector. Columns beyond the tile's are masked at both ends.
func avx512(ctx *build.Context) {
	for _, wide := range []int{2, 1} {
		f := &family{Context: ctx, name: "gemmAVX512x16", height: 14, wide: wide, panels: wide,
			prologue: start512, epilogue: store512, load: load512, multiply: multiply512}
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

func load512(f *family, i int) {
	for p := range f.panels {
		f.VMOVUPS(inPanel(b, p, 64*i), zmm[28+p])
	}
}

func multiply512(f *family, r int, a operand.Mem) {
	f.VBROADCASTSS(a, zmm[30+r%2])
	for v := range f.wide {
		f.VFMADD231PS(zmm[28+v], zmm[30+r%2], zmm[f.wide*r+v])
	}
}
