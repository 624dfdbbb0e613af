package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestMain turns the test binary into the command when the tests start it as one.
func TestMain(m *testing.M) {
	if os.Getenv("PLUMBLINE_TEST_AS_COMMAND") == "1" {
		main()
	}
	if os.Getenv("PLUMBLINE_TEST_AS_SYSTEM") == "1" {
		os.Exit(answerAsSystem())
	}
	os.Exit(m.Run())
}

// command runs a command line in this process.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, log bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &out, &log)
	return code, out.String(), log.String()
}

// process prepares the command as a process of its own.
func process(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "PLUMBLINE_TEST_AS_COMMAND=1")
	return cmd
}

func TestHelp(t *testing.T) {
	for _, name := range []string{"", "check", "attack", "attack list", "attack compare", "inspect", "encode", "grad", "export-gradient", "report", "report render", "report compare", "report merge", "report transfer",
		"models", "models list", "models pull", "models verify", "finetune", "train", "surfaces", "guard", "audit", "audit verify", "membership", "certify", "detectors"} {
		code, out, log := command(t, append(strings.Fields(name), "--help")...)
		if code != exitDone || log != "" {
			t.Errorf("%q: exit code %d, stderr %q", name, code, log)
		}
		path := filepath.Join("testdata", "help", strings.ReplaceAll("plumbline "+name, " ", "-")+".txt")
		path = strings.ReplaceAll(path, "-.txt", ".txt")
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(out), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if out != string(want) {
			t.Errorf("help of %q differs from %s; if that is meant: go test ./cmd/plumbline -run TestHelp -update", name, path)
		}
	}
}

// TestExitCodes checks that a mistake gives its code, one line that names the culprit, and no output.
func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	broken := put("broken.onnx", "no model")
	notAnImage := filepath.Dir(put("pictures/a.png", "no image"))
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	yaml := put("bad.yaml", "encodr: x\n")
	gate := put("gate.yaml", "gates: [accuracy > 1]\n")
	npy := put("x.npy", "no array")
	out := filepath.Join(dir, "out")
	attack := func(args ...string) []string { return append([]string{"attack", "--out", out}, args...) }
	for _, c := range []struct {
		args  []string
		code  int
		names string // must be in the message
	}{
		{[]string{"frobnicate"}, exitUsage, "frobnicate"},
		{[]string{"report", "burn"}, exitUsage, "burn"},
		{[]string{"check", "--sed", "1"}, exitUsage, "--sed"},
		{[]string{"check", "extra"}, exitUsage, "extra"},
		{[]string{"check", "--eps", "0", "--out", out}, exitUsage, "zero"},
		{[]string{"check", "--eps", "300/255", "--out", out}, exitUsage, "300/255"},
		{[]string{"check", "--eps", "abc", "--out", out}, exitUsage, "abc"},
		{[]string{"check", "--attack", "prn", "--out", out}, exitUsage, `"prm"`},
		{[]string{"check", "--attack", "prm(stepz=3)", "--out", out}, exitUsage, "stepz"},
		{[]string{"check", "--attack", "prm(", "--out", out}, exitUsage, "prm("},
		{[]string{"check", "--shard", "3/2", "--out", out}, exitUsage, "3/2"},
		{[]string{"check", "--gate", "accuracy > 1", "--out", out}, exitUsage, "accuracy > 1"},
		{[]string{"check", "--config", yaml, "--out", out}, exitUsage, "encodr"},
		{[]string{"check", "--config", gate, "--out", out}, exitUsage, "accuracy > 1"},
		{[]string{"check", "--lang", "fr", "--out", out}, exitUsage, "fr"},
		{[]string{"check", "--labels", yaml, "--out", out}, exitUsage, "--text"},
		{[]string{"check", "--config", filepath.Join(dir, "none.yaml")}, exitInput, "none.yaml"},
		{[]string{"check", "--images", filepath.Join(dir, "none"), "--out", out}, exitInput, "none"},
		{[]string{"check", "--images", empty, "--out", out}, exitInput, "empty"},
		{[]string{"check", "--baseline", yaml, "--out", out}, exitInput, "bad.yaml"},
		{attack("--encoder", "inspect-tiny", "--attack", "prm", "--eps", "8/255"), exitUsage, "--images"},
		{attack("--encoder", "inspect-tiny", "--attack", "prm", "--eps", "0", "--images", notAnImage), exitUsage, "zero"},
		{attack("--encoder", broken, "--attack", "prm", "--eps", "8/255", "--images", notAnImage), exitInput, "broken.onnx"},
		{attack("--encoder", "none.onnx", "--attack", "prm", "--eps", "8/255", "--images", notAnImage), exitInput, "none.onnx"},
		{attack("--encoder", "inspect-tiny", "--attack", "prm", "--eps", "8/255", "--images", empty), exitInput, "empty"},
		{[]string{"inspect"}, exitUsage, "one model"},
		{[]string{"inspect", broken}, exitInput, "broken.onnx"},
		{[]string{"encode", "inspect-tiny", "--tap", "embedding", "--out", out}, exitUsage, "--in"},
		{[]string{"encode", "inspect-tiny", "--in", npy, "--tap", "embedding", "--out", out}, exitInput, "x.npy"},
		{[]string{"encode", "inspect-tiny", "--images", notAnImage, "--tap", "embedding", "--out", out}, exitInput, "a.png"},
		{[]string{"grad", "inspect-tiny", "--in", npy, "--loss", "sum:embedding", "--out", out}, exitUsage, "sum:embedding"},
		{[]string{"grad", "inspect-tiny", "--in", npy, "--loss", "cosine:tokens", "--out", out}, exitUsage, "--ref"},
		{[]string{"report", "render", yaml}, exitInput, "bad.yaml"},
		{[]string{"report", "merge", empty, "--out", out}, exitInput, "journal"},
		{[]string{"models", "pull", "nothing", "--out", out}, exitUsage, "nothing"},
	} {
		code, stdout, stderr := command(t, c.args...)
		if code != c.code || !strings.Contains(stderr, c.names) || stdout != "" {
			t.Errorf("%q: code %d, want %d; message %q, want it to name %q; output %q", c.args, code, c.code, stderr, c.names, stdout)
		}
		if lines := strings.Count(stderr, "\n"); lines > 2 {
			t.Errorf("%q: the message has %d lines: %s", c.args, lines, stderr)
		}
	}
	if left, err := os.ReadDir(out); err == nil && len(left) > 0 {
		t.Errorf("something was written although nothing could be done: %v", left)
	}
}
