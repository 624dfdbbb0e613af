// Elem writes the assembly of the element-wise and row kernels, each from one description for AVX2 and AVX-512:
// elem_amd64.s, its Go declarations, and the tables by which the package finds a kernel. The functions of one number are
// also written for NEON: elem_arm64.s.
//
// `go generate ./internal/kernel`, run from the root of the repository, rebuilds every generated file of the
// package; its output is committed, and must be the same on every machine.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

func main() {
	dir := flag.String("dir", ".", "the folder to write to")
	flag.Parse()
	ctx := build.NewContext()
	data := &constants{at: map[uint32]int{}}
	var table table
	for _, m := range []*machine{
		{Context: ctx, constants: data, name: "AVX2", wide: 8},
		{Context: ctx, constants: data, name: "AVX512", wide: 16},
	} {
		m.table = &table
		m.functions = functions[vector]{m}
		unaries(m)
		gradients(m)
		pairs(m)
		binaries(m)
		reductions(m)
		rows(m)
		depthwise(m)
		columns(m)
		weighted(m)
		box(m)
		if !m.avx512() {
			pools(m)
			transpose(m)
		}
	}
	data.emit(ctx)
	file, err := ctx.Result()
	if err != nil {
		log.Fatal(err)
	}
	if err := pass.Compile.Execute(file); err != nil {
		log.Fatal(err)
	}
	neonFiles(*dir)
	cfg := printer.Config{Name: "internal/kernel/_asm/elem", Pkg: "kernel"}
	write(*dir, "elem_amd64.s", printer.NewGoAsm(cfg), file)
	write(*dir, "elem_stubs_amd64.go", printer.NewStubs(cfg), file)
	if err := os.WriteFile(filepath.Join(*dir, "elem_table_amd64.go"), table.source(), 0o644); err != nil {
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
