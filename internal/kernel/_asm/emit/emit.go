// Package emit writes what a generator has built to the folder of the kernels.
package emit

import (
	"go/token"
	"go/types"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// Amd64 writes base_amd64.s and its Go declarations, base_stubs_amd64.go; generator is the folder under _asm that
// the files name as their source.
func Amd64(ctx *build.Context, dir, base, generator string) {
	file, err := ctx.Result()
	if err != nil {
		log.Fatal(err)
	}
	if err := pass.Compile.Execute(file); err != nil {
		log.Fatal(err)
	}
	cfg := printer.Config{Name: "internal/kernel/_asm/" + generator, Pkg: "kernel"}
	for name, p := range map[string]printer.Printer{"_amd64.s": printer.NewGoAsm(cfg), "_stubs_amd64.go": printer.NewStubs(cfg)} {
		text, err := p.Print(file)
		if err != nil {
			log.Fatal(err)
		}
		Write(dir, base+name, text)
	}
}

// Write writes one file.
func Write(dir, name string, text []byte) {
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
		log.Fatal(err)
	}
}

// Begin opens a function with a signature over the basic types.
func Begin(ctx *build.Context, name, signature, doc string) {
	ctx.Function(name)
	ctx.Attributes(attr.NOSPLIT)
	ctx.SignatureExpr(signature)
	ctx.Pragma("noescape")
	ctx.Doc(strings.Split(doc, "\n")...)
}

// BeginStruct opens a function whose one parameter, t, is a pointer to the named type of package kernel.
func BeginStruct(ctx *build.Context, name, typ, doc string) {
	ctx.Function(name)
	ctx.Attributes(attr.NOSPLIT)
	pkg := types.NewPackage("kernel", "kernel")
	named := types.NewNamed(types.NewTypeName(token.NoPos, pkg, typ, nil), types.NewStruct(nil, nil), nil)
	params := types.NewTuple(types.NewParam(token.NoPos, pkg, "t", types.NewPointer(named)))
	ctx.Signature(gotypes.NewSignature(pkg, types.NewSignatureType(nil, nil, nil, params, nil, false)))
	ctx.Pragma("noescape")
	ctx.Doc(strings.Split(doc, "\n")...)
}
