package lint

import (
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestImportRule(t *testing.T) {
	root := mustRoot(t)
	files := mustFiles(t, root, IsGo)
	seen := 0
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.ImportsOnly)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, imp := range f.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			to, ours := Folder(p)
			if !ours {
				continue
			}
			seen++
			// An external test package may use a package above it as a client would.
			if strings.HasSuffix(name, "_test.go") && strings.HasSuffix(f.Name.Name, "_test") {
				continue
			}
			if err := CheckImport(path.Dir(name), to); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if seen == 0 {
		t.Error("no import of this module was seen: the rule was not tested")
	}
}

func TestCheckImport(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"encoder", "internal/graph", true},
		{"encoder", "attack", false},
		{"attack", "eval", false},
		{"attack", "defense", false},
		{"attack/attacktest", "attack", true},
		{"defense", "attack", false},
		{"defense/finetune", "attack", true},
		{"eval/report", "attack", true},
		{"eval", "models", false},
		{"models", "encoder", true},
		{"models", "eval", false},
		{"cmd/plumbline", "models", true},
		{"internal/kernel", "encoder", false},
		{"internal/engine", "internal/kernel", true},
		{"examples/neudet", "internal/npy", false},
		{"evaluate", "encoder", false},
	} {
		if err := CheckImport(c.from, c.to); (err == nil) != c.ok {
			t.Errorf("CheckImport(%s, %s) = %v, want allowed %v", c.from, c.to, err, c.ok)
		}
	}
}

func mustRoot(t *testing.T) string {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func mustFiles(t *testing.T, root string, keep func(string) bool) []string {
	t.Helper()
	files, err := Files(root, keep)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no file found: nothing would be tested")
	}
	return files
}
