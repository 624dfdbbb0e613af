package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSurfacesRecord takes up what an earlier comparison recorded.
func TestSurfacesRecord(t *testing.T) {
	record := filepath.Join(t.TempDir(), "record")
	args := func(steps string, more ...string) []string {
		return append([]string{"surfaces", "surfaces-tiny", "surfaces-alt", "--train", "14", "--test", "7", "--eps", "2/255", "--steps", steps}, more...)
	}
	whole := succeed(t, args("1", "--record", record)...)
	if again := succeed(t, args("1", "--record", record)...); again != whole || strings.Count(whole, "\n") != 11 {
		t.Errorf("from the record:\n%s\nat first:\n%s", again, whole)
	}
	if code, _, log := command(t, args("2", "--record", record)...); code != exitUsage || !strings.Contains(log, "other settings") {
		t.Errorf("a record of other settings: exit code %d, %s", code, log)
	}
	if err := os.WriteFile(filepath.Join(record, "surfaces-alt.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, log := command(t, args("1", "--record", record)...); code == exitDone || !strings.Contains(log, "surfaces-alt.json") {
		t.Errorf("a damaged record: exit code %d, %s", code, log)
	}
}
