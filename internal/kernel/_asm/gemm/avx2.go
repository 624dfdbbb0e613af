package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var ymm = []reg.VecPhysical{
	reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15,
}

// avx2 writes the AVX2 kernels: whole panels of 16 columns in two vectors by up to 6 rows, the sums in Y0 to Y11.
func avx2(ctx *build.Context) {
	f := &family{Context: ctx, name: "gemmAVX2x16", height: 6, wide: 2, panels: 1,
		prologue: start256, epilogue: store256, load: load256, multiply: multiply256}
	f.emit("gemmAVX2x16 computes a tile of up to 6 rows and exactly 16 columns.")
}

func start256(f *family, rows int) {
	f.MOVQ(field(offStart), free0)
	f.MOVQ(field(offLdstart), free1)
	for r := range rows {
		f.VMOVUPS(operand.Mem{Base: free0}, ymm[2*r])
		f.VMOVUPS(operand.Mem{Base: free0, Disp: 32}, ymm[2*r+1])
		if r < rows-1 {
			f.ADDQ(free1, free0)
		}
	}
}

func store256(f *family, rows int) {
	f.MOVQ(field(offC), free0)
	f.MOVQ(field(offLdc), free1)
	for r := range rows {
		f.VMOVUPS(ymm[2*r], operand.Mem{Base: free0})
		f.VMOVUPS(ymm[2*r+1], operand.Mem{Base: free0, Disp: 32})
		if r < rows-1 {
			f.ADDQ(free1, free0)
		}
	}
	f.VZEROUPPER()
}

func load256(f *family, i int) {
	for v := range f.wide {
		f.VMOVUPS(operand.Mem{Base: b, Disp: 64*i + 32*v}, ymm[12+v])
	}
}

func multiply256(f *family, r int, a operand.Mem) {
	f.VBROADCASTSS(a, ymm[14+r%2])
	for v := range f.wide {
		f.VFMADD231PS(ymm[12+v], ymm[14+r%2], ymm[f.wide*r+v])
	}
}
