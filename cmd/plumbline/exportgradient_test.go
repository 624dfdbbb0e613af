package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestExportGradient writes both forms for the embedded encoder; encoder's own tests run the files.
func TestExportGradient(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one.onnx"), filepath.Join(dir, "two.onnx")
	if out := succeed(t, "export-gradient", "inspect-tiny", "--tap", "embedding,block.2", "--out", one); out != one+"\n" {
		t.Errorf("printed %q", out)
	}
	succeed(t, "export-gradient", "inspect-tiny", "--tap", "embedding", "--out", one, "--backward", two)
	if code, _, log := command(t, "export-gradient", "inspect-tiny", "--tap", "block.99", "--out", one); code != 3 || !strings.Contains(log, "block.99") {
		t.Errorf("exit code %d: %s", code, log)
	}
}

// TestInspectPlan shows the operators that run: attention, linear layers and normalisation are fused.
func TestInspectPlan(t *testing.T) {
	out := succeed(t, "inspect", "inspect-tiny", "--plan")
	for _, op := range []string{"Attention(heads=2", "Linear", "LayerNorm", "QuickGELU"} {
		if !strings.Contains(out, op) {
			t.Errorf("no %s in\n%s", op, out)
		}
	}
}
