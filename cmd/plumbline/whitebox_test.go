package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/report"
)

// TestCheckWhiteBox attacks two zero-shot inspectors through their own gradients.
func TestCheckWhiteBox(t *testing.T) {
	dir, in := t.TempDir(), t.TempDir()
	someTiles(t, in)
	args := func(attack, out string) []string {
		return []string{"check", "--images", in, "--seed", "1", "--attack", attack, "--out", out}
	}
	out := succeed(t, append(args("noise,white-box(apgd-ce(steps=4))", dir), "--gate", "robust_score(attack=white-box) >= 0")...)
	if !strings.Contains(out, "white-box") || !strings.Contains(out, "passed: robust_score") {
		t.Errorf("output:\n%s", out)
	}
	r, err := report.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	at := r.Attack("white-box@8/255")
	if at == nil || !strings.HasPrefix(at.Expression, "apgd-ce(") || !strings.Contains(at.Expression, "stop=never") || len(at.Systems) == 0 {
		t.Fatalf("%+v", at)
	}
	if c := r.Cell("zero-shot", at.ID); c == nil || c.Score.Value >= r.Cell("zero-shot", report.Clean).Score.Value {
		t.Errorf("the attack leaves %+v", c)
	}
	if code, _, log := command(t, args("white-box(nothing)", t.TempDir())...); code != exitUsage || !strings.Contains(log, "nothing") {
		t.Errorf("exit code %d: %s", code, log)
	}
}
