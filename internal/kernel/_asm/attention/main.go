// Attention writes the assembly of the row-wise parts of attention, attention_amd64.s, and of the packing of operands,
// pack_amd64.s, with their Go declarations. Each kernel is described once for units of 16 numbers, which are one
// AVX-512 register or two AVX2 registers; both instruction sets therefore do the same operations in the same order.
package main

import (
	"flag"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"

	"github.com/plumbline-ml/plumbline/internal/kernel/_asm/emit"
)

func main() {
	dir := flag.String("dir", ".", "the folder to write to")
	flag.Parse()
	for name, kernels := range map[string][]func(*isa){
		"attention": {softmax, logSumExp, gradient, keptGradient, dot, scale, add},
		"pack":      {copyRows, widen, transpose},
	} {
		ctx, tables := build.NewContext(), map[string]operand.Mem{}
		for _, s := range []*isa{{ctx, "AVX512", 1, tables}, {ctx, "AVX2", 2, tables}} {
			for _, kernel := range kernels {
				kernel(s)
			}
		}
		emit.Amd64(ctx, *dir, name, "attention")
	}
}
