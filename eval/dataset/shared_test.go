package dataset

import (
	"os"
	"path/filepath"
	"testing"
)

// sharedData returns a folder of the shared data, or skips the test if it is absent.
func sharedData(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("PLUMBLINE_SHARED")
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				break
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				t.Fatal("no go.mod above the test")
			}
			dir = parent
		}
		root = filepath.Join(dir, "..", "shared")
	}
	path := filepath.Join(root, "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("shared data %s is absent", name)
	}
	return path
}
