package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestREADME runs the README's first command as it stands there and compares its output with the page: the
// words, the systems and their scores on clean images. Attacked scores of twelve images change with the last
// bit of a kernel, so that the page shows one run of them.
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
	if want := replaceBlock(t, string(raw), out); stable(want) != stable(string(raw)) {
		t.Errorf("README.md does not show what check prints:\n%s", out)
	}
}

var (
	columns = regexp.MustCompile(`(?m)^(\S.*?\S  +\S+( %)? \([^)]*\)).*$`)
	numbers = regexp.MustCompile(`[0-9][0-9.–]*`)
)

// stable keeps of every row its system and clean score, and of sentences the words.
func stable(page string) string {
	var b strings.Builder
	for _, line := range strings.Split(page, "\n") {
		if m := columns.FindStringSubmatch(line); m != nil {
			b.WriteString(m[1] + "\n")
		} else {
			b.WriteString(numbers.ReplaceAllString(line, "#") + "\n")
		}
	}
	return b.String()
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
