package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/membership"
)

func TestMembershipOfAnOverfittedHead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	code, out, stderr := command(t, "membership", "--encoder", "surfaces-tiny", "--data", "surfaces:120@9", "--models", "4", "--views", "2",
		"--hidden", "64", "--epochs", "80", "--guard", "round(1)", "--out", dir)
	if code != exitDone {
		t.Fatal(stderr)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "membership.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r membership.Report
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	if auc := r.Row("none", "threshold").AUC; r.Examples != 120 || len(r.Guards) != 2 || auc.Mean < 0.55 {
		t.Errorf("%d examples, %d guards, AUC %v", r.Examples, len(r.Guards), auc)
	}
	md, err := os.ReadFile(filepath.Join(dir, "membership.md"))
	if err != nil || string(md) != out || !strings.Contains(out, "`round(1)`") {
		t.Errorf("printed %q, written %q, error %v", out, md, err)
	}
	for _, name := range []string{"roc-00.svg", "roc-01.svg"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestMembershipRefusesWhatCannotBeMeant(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct {
		args  []string
		code  int
		names string
	}{
		{[]string{"--out", dir}, exitUsage, "--data"},
		{[]string{"--data", "surfaces:40"}, exitUsage, "--out"},
		{[]string{"--data", "surfaces:40", "--out", dir, "--models", "5"}, exitUsage, "5"},
		{[]string{"--data", "surfaces:40", "--out", dir, "--views", "99"}, exitUsage, "99"},
		{[]string{"--data", "surfaces:x", "--out", dir}, exitUsage, "surfaces:x"},
		{[]string{"--data", "surfaces:7", "--out", dir, "--models", "4"}, exitInput, "7 examples"},
		{[]string{"--data", "surfaces:28", "--out", dir, "--guard", "ruond(1)"}, exitUsage, "ruond"},
	} {
		code, _, stderr := command(t, append([]string{"membership"}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.names) {
			t.Errorf("%q: code %d, want %d; message %q", c.args, code, c.code, stderr)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%q left a folder", c.args)
		}
	}
}
