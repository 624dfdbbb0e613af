package eval

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadJournalRefuses(t *testing.T) {
	dir := t.TempDir()
	finish(t, plan(t, 3), dir, false)
	raw, err := os.ReadFile(filepath.Join(dir, JournalName))
	if err != nil {
		t.Fatal(err)
	}
	good := string(raw)
	lines := strings.SplitAfter(good, "\n")
	for name, text := range map[string]string{
		"empty":              "",
		"no whole line":      good[:20],
		"other schema":       strings.Replace(good, journalSchema, "x", 1),
		"no JSON":            lines[0] + "{\n" + lines[1],
		"unknown field":      strings.Replace(good, `"index"`, `"indexx"`, 1),
		"image out of data":  strings.Replace(good, `"index":2`, `"index":3`, 1),
		"negative image":     strings.Replace(good, `"index":0`, `"index":-1`, 1),
		"entry before image": lines[0] + lines[len(lines)-2],
		"unknown attack":     strings.Replace(good, `"attack":"clean"`, `"attack":"cleen"`, 1),
		"empty line":         lines[0] + "{}\n",
		"missing responses":  strings.Replace(good, `"responses":[`, `"responses":[],"x":[`, 1),
	} {
		if text == good {
			t.Fatalf("%s: the case changes nothing", name)
		}
		path := filepath.Join(t.TempDir(), "j")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadJournal(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzJournal looks for a journal that breaks the reader or the assembly of a report.
func FuzzJournal(f *testing.F) {
	dir := f.TempDir()
	p := plan(f, 3)
	p.Attempts = p.Attempts[:2]
	if _, err := Run(f.Context(), p, dir, false); err != nil {
		f.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, JournalName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		j, _, err := parseJournal(raw)
		if err != nil || j.head.Samples > 100 || len(j.head.Systems) > 10 || len(j.head.Attacks) > 10 {
			return
		}
		if r, _, err := Assemble(nil, nil, j); err == nil && r == nil {
			t.Error("neither report nor error")
		}
	})
}
