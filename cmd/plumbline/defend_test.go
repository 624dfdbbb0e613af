package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/report"
)

// defended is a check of three drawn surfaces whose attacks take a few steps.
const defended = `encoder: surfaces-tiny
data: {path: "surfaces:3"}
attacks: ["prm(steps=2)"]
eps: [4/255]
seed: 1
defenses: [gaussian(1), softmax+round(1), noise(8/255)]
adversity:
  steps: 2
  random_steps: 2
  eot: 2
  draws: 2
  robust: [surfaces-fare]
  white_box: ["apgd(steps=3)"]
  score_based: [square(queries=4)]
  decision_based: [rays(queries=4)]
`

func TestCheckDefenses(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	file := filepath.Join(dir, "plumbline.yaml")
	if err := os.WriteFile(file, []byte(defended), 0o644); err != nil {
		t.Fatal(err)
	}
	said := succeed(t, "check", "--config", file, "--out", out)
	r, err := report.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"none", "gaussian(1)", "softmax+round(1)", "noise(8/255)"}
	if len(r.Defences) != len(names) {
		t.Fatalf("%d rows of defences, want %d", len(r.Defences), len(names))
	}
	for i, d := range r.Defences {
		if d.Name != names[i] || len(d.Roles) != len(report.Roles) || d.Clean.N != 3 {
			t.Errorf("row %d is %s with %d roles on %d images", i, d.Name, len(d.Roles), d.Clean.N)
		}
	}
	if r.System("gaussian(1)/zero-shot") == nil || r.System("softmax+round(1)/zero-shot") != nil {
		t.Error("the matrix shows systems behind defences, but not behind guards, which change no answer")
	}
	for _, want := range []string{"defences, ε = 4/255", "white box", "noise(8/255)", "ms per image"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in\n%s", want, said)
		}
	}
	run, err := report.ReadRun(filepath.Join(out, "run.json"))
	if err != nil || len(run.Latency) != len(names) {
		t.Errorf("latencies %v, error %v", run.Latency, err)
	}
	ja := succeed(t, "report", "render", filepath.Join(out, "report.json"), "--format", "md", "--lang", "ja")
	if !strings.Contains(ja, "| `gaussian(1)` |") || !strings.Contains(ja, "ホワイトボックス") {
		t.Errorf("in Japanese:\n%s", ja)
	}
	for _, bad := range []string{"armour", "round(2)+jpeg(75)", "pca-patch"} {
		if code, _, log := command(t, "check", "--defense", bad, "--out", out); code != exitUsage {
			t.Errorf("%s: exit code %d: %s", bad, code, log)
		}
	}
}
