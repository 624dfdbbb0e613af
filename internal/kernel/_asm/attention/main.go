// Attention writes the assembly of the row-wise parts of attention and of packing: attention_amd64.s with its Go
// declarations. Each kernel is described once for units of 16 numbers, which are one AVX-512 register or two AVX2
// registers; both instruction sets therefore do the same operations in the same order.
package main

import (
	"flag"

	"github.com/mmcloughlin/avo/build"

	"github.com/plumbline-ml/plumbline/internal/kernel/_asm/emit"
)

func main() {
	dir := flag.String("dir", ".", "the folder to write to")
	flag.Parse()
	ctx := build.NewContext()
	for _, s := range []*isa{{ctx, "AVX512", 1}, {ctx, "AVX2", 2}} {
		softmax(s)
		logSumExp(s)
		gradient(s)
		dot(s)
		scale(s)
		add(s)
		copyRows(s)
		widen(s)
	}
	transpose512(ctx)
	transpose256(ctx)
	emit.Amd64(ctx, *dir, "attention", "attention")
}
