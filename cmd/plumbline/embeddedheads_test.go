package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEmbeddedHeads judges the heads that come with a model, once by its name and once from the folder that pull
// writes, with the same scores.
func TestEmbeddedHeads(t *testing.T) {
	dir := t.TempDir()
	succeed(t, "models", "pull", "surfaces-tiny", "--out", dir)
	succeed(t, "models", "verify", "surfaces-tiny", "--dir", dir)
	var scores []string
	for i, heads := range []string{"surfaces-tiny", filepath.Join(dir, "heads")} {
		out := filepath.Join(dir, []string{"a", "b"}[i])
		table := succeed(t, "check", "--encoder", "surfaces-tiny", "--data", "surfaces:14", "--attack", "noise", "--heads", heads, "--out", out)
		for _, task := range []string{"segment-pixels", "detect-pixels", "anomaly-mahalanobis", "caption-decoder", "vqa-net", "retrieve-text"} {
			raw, err := os.ReadFile(filepath.Join(out, "report.json"))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(raw), task) {
				t.Errorf("the report with heads of %s does not name %s", heads, task)
			}
		}
		scores = append(scores, strings.ReplaceAll(table, out, ""))
	}
	if scores[0] != scores[1] {
		t.Errorf("by name:\n%s\nfrom the folder:\n%s", scores[0], scores[1])
	}
	code, _, log := command(t, "check", "--encoder", "surfaces-tiny", "--data", "surfaces:7", "--attack", "noise", "--heads", "surfaces-alt", "--out", filepath.Join(dir, "c"))
	if code != exitUsage || !strings.Contains(log, "surfaces-alt") {
		t.Errorf("heads of a model that has none: exit code %d, %s", code, log)
	}
}
