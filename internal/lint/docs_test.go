package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// selfExplaining are methods whose meaning an interface fixes: one of the standard library's, or the
// operators' in package graph.
var selfExplaining = map[string]bool{
	"String": true, "Error": true, "Unwrap": true, "Is": true, "Close": true,
	"MarshalJSON": true, "UnmarshalJSON": true, "MarshalText": true, "UnmarshalText": true, "UnmarshalYAML": true,
	"Infer": true, "Bind": true, "Grad": true,
	"Len": true, "Less": true, "Swap": true, "Read": true, "Write": true,
}

func TestExportedIsDocumented(t *testing.T) {
	root := mustRoot(t)
	packages := map[string]bool{}
	documented := map[string]bool{}
	for _, name := range mustFiles(t, root, isAPI) {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join(root, name), nil, parser.ParseComments)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		dir := path.Dir(name)
		packages[dir] = true
		documented[dir] = documented[dir] || f.Doc != nil
		for _, miss := range undocumented(fset, f) {
			t.Errorf("%s: exported %s has no comment", name, miss)
		}
	}
	for dir := range packages {
		if !documented[dir] {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

func isAPI(name string) bool {
	return IsGo(name) && !strings.HasSuffix(name, "_test.go") && path.Dir(name) != "." && !strings.HasSuffix(name, ".pb.go")
}

// undocumented lists the exported declarations of f without a comment. A declaration on the line
// right after a documented one shares its comment, and so does a group of constants after a type.
func undocumented(fset *token.FileSet, f *ast.File) []string {
	var miss []string
	lastEnd, lastOK, lastType := -1, false, false
	for _, d := range f.Decls {
		names, ok := declared(d)
		start := fset.Position(d.Pos()).Line
		ok = ok || lastOK && (start == lastEnd+1 || lastType && isDecl(d, token.CONST) && start == lastEnd+2)
		if !ok {
			miss = append(miss, names...)
		}
		lastEnd, lastOK, lastType = fset.Position(d.End()).Line, ok, isDecl(d, token.TYPE)
	}
	return miss
}

func isDecl(d ast.Decl, tok token.Token) bool {
	g, ok := d.(*ast.GenDecl)
	return ok && g.Tok == tok
}

// declared returns the exported names of a declaration and whether a comment covers them.
func declared(d ast.Decl) (names []string, ok bool) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if !d.Name.IsExported() || d.Recv != nil && (selfExplaining[d.Name.Name] || !ast.IsExported(receiver(d))) {
			return nil, d.Doc != nil
		}
		return []string{d.Name.Name}, d.Doc != nil
	case *ast.GenDecl:
		if d.Tok == token.IMPORT {
			return nil, false
		}
		for _, s := range d.Specs {
			names = append(names, bareNames(s, d.Doc != nil)...)
		}
	}
	return names, len(names) == 0
}

// bareNames returns the exported names of one type, const or var spec that nothing comments.
func bareNames(s ast.Spec, group bool) []string {
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && !group && s.Doc == nil && s.Comment == nil {
			return []string{s.Name.Name}
		}
	case *ast.ValueSpec:
		var out []string
		for _, n := range s.Names {
			if n.IsExported() && !group && s.Doc == nil && s.Comment == nil {
				out = append(out, n.Name)
			}
		}
		return out
	}
	return nil
}

func receiver(d *ast.FuncDecl) string {
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}
