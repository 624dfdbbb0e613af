// Gemm writes the assembly of the matrix kernels: gemm_amd64.s with its Go declarations, and gemm_arm64.s.
//
// `go generate ./internal/kernel`, run from the root of the repository, rebuilds every generated file of the
// package; its output is committed, and must be the same on every machine.
package main

import (
	"flag"
	"go/token"
	"go/types"
	"log"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

func main() {
	dir := flag.String("dir", ".", "the folder to write to")
	flag.Parse()
	ctx := build.NewContext()
	avx512(ctx)
	avx2(ctx)
	peak(ctx, "gemmPeakAVX512", zmm, 24, "gemmPeakAVX512 does 24 multiply-adds of 16 numbers a round.")
	peak(ctx, "gemmPeakAVX2", ymm, 12, "gemmPeakAVX2 does 12 multiply-adds of 8 numbers a round.")
	file, err := ctx.Result()
	if err != nil {
		log.Fatal(err)
	}
	if err := pass.Compile.Execute(file); err != nil {
		log.Fatal(err)
	}
	cfg := printer.Config{Name: "internal/kernel/_asm/gemm", Pkg: "kernel"}
	write(*dir, "gemm_amd64.s", printer.NewGoAsm(cfg), file)
	write(*dir, "gemm_amd64_stubs.go", printer.NewStubs(cfg), file)
	if err := os.WriteFile(filepath.Join(*dir, "gemm_arm64.s"), neon(), 0o644); err != nil {
		log.Fatal(err)
	}
}

// write prints the functions of one file in one form.
func write(dir, name string, p printer.Printer, file *ir.File) {
	text, err := p.Print(file)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
		log.Fatal(err)
	}
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

// begin opens the function called name, which takes a *gemmTile and keeps it.
func begin(ctx *build.Context, name, doc string) {
	ctx.Function(name)
	ctx.Attributes(attr.NOSPLIT)
	pkg := types.NewPackage("kernel", "kernel")
	tile := types.NewNamed(types.NewTypeName(token.NoPos, pkg, "gemmTile", nil), types.NewStruct(nil, nil), nil)
	params := types.NewTuple(types.NewParam(token.NoPos, pkg, "t", types.NewPointer(tile)))
	ctx.Signature(gotypes.NewSignature(pkg, types.NewSignatureType(nil, nil, nil, params, nil, false)))
	ctx.Pragma("noescape")
	ctx.Doc(doc)
}
