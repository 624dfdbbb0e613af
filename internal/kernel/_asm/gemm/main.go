// Gemm writes the assembly of the matrix kernels: gemm_amd64.s with its Go declarations, and gemm_arm64.s.
//
// `go generate ./internal/kernel`, run from the root of the repository, rebuilds every generated file of the
// package; its output is committed, and must be the same on every machine.
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
	avx512(ctx)
	avx2(ctx)
	peak(ctx, "gemmPeakAVX512", zmm, 24, "gemmPeakAVX512 does 24 multiply-adds of 16 numbers a round.")
	peak(ctx, "gemmPeakAVX2", ymm, 12, "gemmPeakAVX2 does 12 multiply-adds of 8 numbers a round.")
	emit.Amd64(ctx, *dir, "gemm", "gemm")
	emit.Write(*dir, "gemm_arm64.s", neon())
}

// Offsets of the fields of gemmTile.
const (
	offA       = 0
	offB       = 8
	offC       = 16
	offStart   = 24
	offNext    = 32
	offLda     = 40
	offPanel   = 48
	offLdc     = 56
	offLdstart = 64
	offK       = 72
	offRows    = 80
	offCols    = 88
	offTransA  = 96
)
