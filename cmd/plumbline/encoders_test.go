package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// TestEncoders trains heads on drawn surfaces for the attacked encoder and for a robust copy of it, and replays the
// images on both.
func TestEncoders(t *testing.T) {
	dir, out, saved := t.TempDir(), t.TempDir(), t.TempDir()
	config := filepath.Join(dir, "plumbline.yaml")
	text := `
encoder: surfaces-tiny
data: {path: "surfaces:7"}
heads: {train: {path: "surfaces:70,first=0"}, effort: 0.02}
encoders:
  - {path: surfaces-fare, name: robust, relation: defended}
attacks: [prm]
eps: [8/255]
steps: 2
`
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	succeed(t, "check", "--config", config, "--out", out, "--save-heads", saved)
	r, err := report.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	relation, tasks := map[string]string{}, map[string]bool{}
	for _, s := range r.Systems {
		relation[s.ID] = s.Relation
		tasks[s.Task] = true
		if strings.HasPrefix(s.ID, "robust/") != strings.HasPrefix(s.Name, "robust: ") {
			t.Errorf("system %s is called %q", s.ID, s.Name)
		}
	}
	if len(tasks) != 7 {
		t.Errorf("tasks %v, want all seven", tasks)
	}
	for id, rel := range relation {
		twin := "robust/" + id
		if rel == "same-weights" && relation[twin] != "defended" {
			t.Errorf("%s has no twin on the robust encoder", id)
		}
	}
	one, err := head.Load(filepath.Join(saved, "classify-linear.head"))
	if err != nil {
		t.Fatal(err)
	}
	two, err := head.Load(filepath.Join(saved, "robust", "classify-linear.head"))
	if err != nil || one.Name() != two.Name() {
		t.Errorf("%v, %v, %v", one, two, err)
	}
}

func TestDataMistakes(t *testing.T) {
	dir := t.TempDir()
	for text, says := range map[string]string{
		`{data: {path: "surfaces:many"}}`:      "surfaces:N with the number of images",
		`{data: {path: "surfaces:0"}}`:         "0 images",
		`{data: {path: "surfaces:7,size=9"}}`:  "size 9 is outside",
		`{data: {path: "surfaces:7,shape=9"}}`: `"shape" is none of seed, first, size`,
		`{data: {path: "surfaces:7,seed=-1"}}`: "no setting with a whole number",
		`{encoder: surfaces-tiny, data: {path: "surfaces:7"}, encoders: [{path: surfaces-fare}]}`:                                                                          `relation "" is none of`,
		`{encoder: surfaces-tiny, data: {path: "surfaces:7"}, encoders: [{relation: defended}]}`:                                                                           "needs a path",
		`{encoder: surfaces-tiny, data: {path: "surfaces:7"}, heads: {train: {path: "surfaces:7"}}}`:                                                                       "among the training images and among the judged ones",
		`{encoder: surfaces-tiny, data: {path: "surfaces:7"}, encoders: [{path: surfaces-tiny, name: "", relation: defended}, {path: surfaces-tiny, relation: defended}]}`: "two systems are called surfaces-tiny/zero-shot",
	} {
		path := filepath.Join(dir, "plumbline.yaml")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		code, _, log := command(t, "check", "--config", path, "--out", filepath.Join(dir, "out"))
		if code != exitUsage && code != exitInput || !strings.Contains(log, says) {
			t.Errorf("%s: exit code %d, message %q, want %q", text, code, log, says)
		}
	}
}
