package lint

import (
	"fmt"
	"path"
	"strings"
)

// layer is one step of the import rule: packages below dir may import, of this module, only the
// folders of may (and their own).
type layer struct {
	dir string
	may []string
}

// layers is the import rule: cmd, examples, bench → eval → {defense, attack} → encoder → internal,
// and models → encoder, with one side door from defense/finetune to attack. The first match counts.
var layers = []layer{
	{"cmd", []string{"eval", "defense", "attack", "encoder", "models", "internal"}},
	{"examples", []string{"eval", "defense", "attack", "encoder", "models"}},
	{"eval", []string{"defense", "attack", "encoder", "internal"}},
	{"defense/finetune", []string{"defense", "attack", "encoder", "internal"}},
	{"defense", []string{"encoder", "internal"}},
	{"attack", []string{"encoder", "internal"}},
	{"models", []string{"encoder", "internal"}},
	{"encoder", []string{"internal"}},
	{"internal", []string{"internal"}},
}

// CheckImport returns an error when the package in folder from (relative to the module, "." for the
// root) may not import the package in folder to.
func CheckImport(from, to string) error {
	if from == "." || from == to {
		return nil // the root holds only whole-path benchmarks
	}
	for _, l := range layers {
		if !within(from, l.dir) {
			continue
		}
		if within(to, l.dir) {
			return nil
		}
		for _, m := range l.may {
			if within(to, m) {
				return nil
			}
		}
		return fmt.Errorf("%s must not import %s: %s may import %s of this module", from, to, l.dir, strings.Join(l.may, ", "))
	}
	return fmt.Errorf("%s lies in no layer of the import rule (internal/lint/imports.go)", from)
}

func within(dir, parent string) bool {
	return dir == parent || strings.HasPrefix(dir, parent+"/")
}

// Folder returns the module-relative folder of an import path, and whether it is of this module.
func Folder(importPath string) (string, bool) {
	if importPath == Module {
		return ".", true
	}
	rest, ok := strings.CutPrefix(importPath, Module+"/")
	return path.Clean(rest), ok
}
