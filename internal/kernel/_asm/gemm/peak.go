package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// peak writes the loop whose speed is the ceiling of the kernels: 24 independent fused multiply-adds a round,
// 12 with the 16 registers of AVX2, and nothing else.
func peak(ctx *build.Context, name string, registers []reg.VecPhysical, sums int, doc string) {
	ctx.Function(name)
	ctx.Attributes(attr.NOSPLIT)
	ctx.SignatureExpr("func(rounds int)")
	ctx.Doc(doc)
	ctx.Load(ctx.Param("rounds"), count)
	for _, r := range registers[:sums+2] {
		ctx.VXORPS(r.AsY(), r.AsY(), r.AsY())
	}
	ctx.Label("loop")
	for _, r := range registers[:sums] {
		ctx.VFMADD231PS(registers[sums], registers[sums+1], r)
	}
	ctx.SUBQ(operand.Imm(1), count)
	ctx.JNE(operand.LabelRef("loop"))
	ctx.VZEROUPPER()
	ctx.RET()
}
