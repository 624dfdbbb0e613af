package lint

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// TestREADMENamesPackages keeps the README's map complete: every folder with Go files at the top level, and
// every command, is named there.
func TestREADMENamesPackages(t *testing.T) {
	root := mustRoot(t)
	page, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range mustFiles(t, root, isAPI) {
		dir := path.Dir(name)
		top, _, _ := strings.Cut(dir, "/")
		if top == "cmd" {
			top, _, _ = strings.Cut(dir, "/internal/") // a command is named, what it is made of is not
		}
		if !strings.Contains(string(page), "`"+top+"`") {
			t.Errorf("README.md does not name %s", top)
		}
	}
}
