package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readmeArithmetic is the instruction path on which the README's output was made; another path rounds
// differently and may turn an image near a boundary.
const readmeArithmetic = "amd64 avx512"

// TestREADME runs the README's first command as it stands there and compares its output with the page.
func TestREADME(t *testing.T) {
	page, err := filepath.Abs(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	out := succeed(t, "check")
	if *update {
		if err := os.WriteFile(page, []byte(replaceBlock(t, string(raw), out)), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if arithmetic() != readmeArithmetic {
		t.Logf("made on %s, this is %s: not compared line by line", readmeArithmetic, arithmetic())
		return
	}
	if want := replaceBlock(t, string(raw), out); want != string(raw) {
		t.Errorf("README.md does not show what check prints:\n%s", out)
	}
}

// replaceBlock puts text between the fences that follow the README's mark.
func replaceBlock(t *testing.T, page, text string) string {
	t.Helper()
	const mark, end = "<!-- output of plumbline check", "<!-- end -->"
	at := strings.Index(page, mark)
	if at < 0 {
		t.Fatal("README.md has no place for the output")
	}
	head := page[:at+strings.Index(page[at:], "\n")+1]
	tail := page[strings.Index(page, end):]
	return head + "```\n" + text + "```\n" + tail
}
