package main

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
)

func quickTuning(out string, more ...string) []string {
	return append([]string{"finetune", "--encoder", "inspect-tiny", "--data", "surfaces:24", "--out", out, "--steps", "40", "--batch", "2", "--inner-steps", "2", "--lr", "1e-4"}, more...)
}

func fileBytes(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFinetuneKilled kills the command while it trains and takes it up again: the file is the one that an
// undisturbed run writes.
func TestFinetuneKilled(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.onnx")
	if code, _, log := command(t, quickTuning(whole)...); code != exitDone {
		t.Fatalf("exit code %d: %s", code, log)
	}
	broken := filepath.Join(dir, "broken.onnx")
	killOnce(t, process(t, quickTuning(broken)...), broken+".checkpoint")
	if _, err := os.Stat(broken); err == nil {
		t.Fatal("the run ended before it was killed")
	}
	code, _, log := command(t, quickTuning(broken)...)
	if code != exitUsage || !strings.Contains(log, "--resume") {
		t.Errorf("a run beside a checkpoint: exit code %d, %s", code, log)
	}
	code, _, log = command(t, quickTuning(broken, "--lr", "1e-3", "--resume")...)
	if code != exitInput || !strings.Contains(log, "another run") {
		t.Errorf("a checkpoint of other settings: exit code %d, %s", code, log)
	}
	code, out, log := command(t, quickTuning(broken, "--resume", "--recompute")...) // which changes no weight
	if code != exitDone || !strings.Contains(out, "40 steps on 24 images") {
		t.Fatalf("exit code %d: %s%s", code, out, log)
	}
	if !bytes.Equal(fileBytes(t, whole), fileBytes(t, broken)) {
		t.Error("the resumed run wrote another file")
	}
	if _, err := encoder.Open(broken); err != nil {
		t.Error(err)
	}
}

// killOnce starts a run and kills it when its first checkpoint is there.
func killOnce(t *testing.T, cmd *exec.Cmd, checkpoint string) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 6000 {
		if _, err := os.Stat(checkpoint); err == nil {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
}

// TestFinetuneMethods runs each method once on pictures in class folders.
func TestFinetuneMethods(t *testing.T) {
	dir := t.TempDir()
	d, err := surfaces.New(surfaces.Config{Seed: 3, N: 8})
	if err != nil {
		t.Fatal(err)
	}
	for i := range d.Samples {
		s, err := d.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		class := []string{"magnetic tile, with a crack", "magnetic tile, free of defects"}[i%2]
		putPNG(t, filepath.Join(dir, "data", class, s.ID+".png"), s.Pixels)
	}
	for _, method := range []string{"tecoa", "pmg-aft", "tokenfare", "sim-clip", "jacobian"} {
		out := filepath.Join(dir, method+".onnx")
		args := []string{"finetune", "--encoder", "inspect-tiny", "--method", method, "--data", filepath.Join(dir, "data"), "--out", out,
			"--steps", "2", "--batch", "2", "--inner-steps", "1", "--hold-out", "4", "--validate-every", "1", "--weights", "last:1", "--flip"}
		if code, _, log := command(t, args...); code != exitDone || !strings.Contains(log, "validation") {
			t.Errorf("%s: exit code %d: %s", method, code, log)
		}
		if len(fileBytes(t, out)) < 1<<20 {
			t.Errorf("%s: the file is too small", method)
		}
	}
}

func putPNG(t *testing.T, path string, p image.Image) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, p); err != nil {
		t.Fatal(err)
	}
}

func TestFinetuneMistakes(t *testing.T) {
	out := filepath.Join(t.TempDir(), "x.onnx")
	for want, args := range map[string][]string{
		"--out":                 {"finetune", "--encoder", "inspect-tiny", "--data", "surfaces:8"},
		"no method":             quickTuning(out, "--method", "fair"),
		"surfaces:N":            quickTuning(out, "--data", "surfaces:many"),
		"has no prompt":         quickTuning(out, "--method", "tecoa"),
		"lora":                  quickTuning(out, "--weights", "lora:0"),
		"takes no argument":     {"finetune", "now"},
		"no recipe":             {"train", "surfaces-huge", "--out", out},
		"--out is required":     {"train", "surfaces-tiny"},
		"--accept-unknown-hash": {"models", "pull", "siglip-b16-224", "--out", filepath.Dir(out)},
		"open_clip":             {"models", "pull", "fare4-clip-l14", "--out", filepath.Dir(out)},
		"there are":             {"models", "pull", "clip-huge", "--out", filepath.Dir(out)},
	} {
		if code, _, log := command(t, args...); code == exitDone || !strings.Contains(log, want) {
			t.Errorf("%v: exit code %d, %s", args, code, log)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%v left an output", args)
		}
	}
}
