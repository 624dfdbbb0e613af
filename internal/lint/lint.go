// Package lint keeps the repository's own rules as tests: which package may import which, formatting,
// documentation of everything exported, file sizes, and words that do not belong in the text.
// It holds only what those tests share.
package lint

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Module is the module path whose imports the tests judge.
const Module = "github.com/plumbline-ml/plumbline"

// Root returns the folder that holds go.mod, searched upwards from the working folder.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("lint: no go.mod above the working folder")
		}
		dir = up
	}
}

// Files returns the slash-separated paths below root for which keep is true. Hidden folders, testdata
// folders and nested modules are left out, and so is what the commands write by default.
func Files(root string, keep func(path string) bool) ([]string, error) {
	var out []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && skipFolder(path, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() && keep(rel) {
			out = append(out, rel)
		}
		return nil
	})
	return out, err
}

func skipFolder(path, name string) bool {
	if strings.HasPrefix(name, ".") && name != ".ci" || name == "testdata" || name == "plumbline-report" {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err == nil
}

// IsGo reports whether path names a Go source file.
func IsGo(path string) bool { return strings.HasSuffix(path, ".go") }

// IsGenerated reports whether a source file says in its first kilobyte that a program wrote it.
func IsGenerated(src []byte) bool {
	head := src[:min(len(src), 1024)]
	return bytes.Contains(head, []byte("// Code generated ")) && bytes.Contains(head, []byte("DO NOT EDIT."))
}
