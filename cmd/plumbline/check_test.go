package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/models"
)

// quick is a check of four of the tiles with three steps.
func quick(t *testing.T, out string, more ...string) []string {
	t.Helper()
	in := t.TempDir()
	someTiles(t, in)
	return append([]string{"check", "--images", in, "--attack", "noise,prm", "--steps", "3", "--seed", "1", "--out", out}, more...)
}

// someTiles writes small embedded photographs into class folders.
func someTiles(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"MT_Blowhole/exp3_num_36246.jpg", "MT_Blowhole/exp3_num_51711.jpg", "MT_Crack/exp1_num_32128.jpg", "MT_Free/exp4_num_195700.jpg"} {
		raw, err := fs.ReadFile(models.Tiles(), name)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, raw, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	code, out, log := command(t, "check", "--attack", "noise,prm", "--steps", "10", "--seed", "1", "--out", dir, "--gate", "accuracy(system=zero-shot) >= 0.5", "--eps", "4/255,8/255")
	if code != exitDone || log != "" {
		t.Fatalf("exit code %d, stderr %q", code, log)
	}
	for _, want := range []string{"12 images", "ε = 4/255", "ε = 8/255", "Zero-shot (6 prompts)", "passed: accuracy", filepath.Join(dir, "report.html")} {
		if !strings.Contains(out, want) {
			t.Errorf("the output does not say %q:\n%s", want, out)
		}
	}
	for _, name := range []string{"report.html", "report.json", "report.md", "report.junit.xml", "report.sarif", "run.json"} {
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	r, err := report.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	// The twelve photographs were chosen because the encoder is right about them.
	if c := r.Cell("zero-shot", report.Clean); c.Score.Value != 1 || c.Score.N != 12 {
		t.Errorf("clean score %+v", c.Score)
	}
	if c := r.Cell("zero-shot", "prm@8/255"); c.Score.Value > 0.6 {
		t.Errorf("ten steps of PRM leave %v of the answers right", c.Score.Value)
	}
}

func TestGateFails(t *testing.T) {
	dir := t.TempDir()
	gate := []string{"--gate", "robust_accuracy(attack=prm) >= 0.99"}
	if code, out, _ := command(t, quick(t, dir, gate...)...); code != exitGate || !strings.Contains(out, "failed: robust_accuracy") {
		t.Errorf("exit code %d, output:\n%s", code, out)
	}
	// The same from a shell.
	cmd := process(t, quick(t, t.TempDir(), gate...)...)
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != exitGate {
		t.Errorf("the process ended with %v", err)
	}
	if code, _, _ := command(t, quick(t, t.TempDir(), "--gate", "drop vs baseline <= 0.1")...); code != exitGate {
		t.Errorf("an undecided gate gives exit code %d", code)
	}
	base := filepath.Join(dir, "report.json")
	if code, _, log := command(t, quick(t, t.TempDir(), "--gate", "drop vs baseline <= 0.0 (paired, 95 %)", "--baseline", base)...); code != exitDone {
		t.Errorf("a run against itself gives exit code %d: %s", code, log)
	}
}

// TestKilledAndResumed kills the command at some moment, twice, resumes it, and wants the report of a run
// that was left alone.
func TestKilledAndResumed(t *testing.T) {
	whole, broken := t.TempDir(), t.TempDir()
	common := quick(t, "", "--eps", "2/255,4/255,8/255", "--attack", "white-box(apgd(steps=2))")
	args := func(dir string) []string { return append(slices.Clone(common), "--out", dir) }
	succeed(t, args(whole)...)
	journal := filepath.Join(broken, eval.JournalName)
	for _, lines := range []int{3, 12} {
		cmd := process(t, append(args(broken), "--resume")...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
			if raw, err := os.ReadFile(journal); err == nil && bytes.Count(raw, []byte("\n")) >= lines {
				break
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Error("the process finished before it was killed")
		}
		if _, err := os.Stat(filepath.Join(broken, "report.json")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a killed run has a report: %v", err)
		}
	}
	succeed(t, append(args(broken), "--resume")...)
	sameFile(t, filepath.Join(whole, "report.json"), filepath.Join(broken, "report.json"))
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, log bytes.Buffer
	if code := run(ctx, quick(t, t.TempDir()), strings.NewReader(""), &out, &log); code != exitInterrupted || !strings.Contains(log.String(), "--resume") || out.Len() > 0 {
		t.Errorf("exit code %d, output %q, message %q", code, out.String(), log.String())
	}
}

func TestShards(t *testing.T) {
	whole, one, two, joined := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	common := quick(t, "", "--attack", "white-box(apgd(steps=2))")
	args := func(dir string, more ...string) []string {
		return append(append(slices.Clone(common), "--out", dir), more...)
	}
	succeed(t, args(whole)...)
	succeed(t, args(one, "--shard", "1/2")...)
	succeed(t, args(two, "--shard", "2/2", "--workers", "1")...)
	succeed(t, "report", "merge", two, one, "--out", joined)
	sameFile(t, filepath.Join(whole, "report.json"), filepath.Join(joined, "report.json"))
	if code, _, log := command(t, "report", "merge", one, "--out", t.TempDir()); code != exitDone {
		t.Errorf("one shard alone: exit code %d: %s", code, log)
	}
	if code, _, log := command(t, "report", "merge", one, one, "--out", t.TempDir()); code != exitInput || !strings.Contains(log, "missing") {
		t.Errorf("a shard twice instead of both: exit code %d: %s", code, log)
	}
	out := succeed(t, "report", "compare", filepath.Join(whole, "report.json"), filepath.Join(joined, "report.json"))
	if !strings.Contains(out, "prm@8/255") || !strings.Contains(out, "1.000") {
		t.Errorf("comparison:\n%s", out)
	}
	for format, mark := range map[string]string{"html": "<!doctype html>", "md": "# ", "junit": "<testsuites", "sarif": `"2.1.0"`} {
		if out := succeed(t, "report", "render", filepath.Join(joined, "report.json"), "--format", format, "--lang", "ja"); !strings.Contains(out, mark) {
			t.Errorf("%s: %.80s", format, out)
		}
	}
}

// TestThreads runs the command on one processor and on two.
func TestThreads(t *testing.T) {
	common := quick(t, "", "--attack", "white-box(apgd(steps=2))")
	dirs := map[string]string{"1": t.TempDir(), "2": t.TempDir()}
	for threads, dir := range dirs {
		cmd := process(t, append(slices.Clone(common), "--out", dir)...)
		cmd.Env = append(cmd.Env, "GOMAXPROCS="+threads)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s threads: %v\n%s", threads, err, out)
		}
	}
	sameFile(t, filepath.Join(dirs["1"], "report.json"), filepath.Join(dirs["2"], "report.json"))
}

// TestExitCodesFromShell asks a shell for the codes, as a pipeline does.
func TestExitCodesFromShell(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	in := t.TempDir()
	someTiles(t, in)
	script := `
run() { "$PLUMBLINE" check --images "$IN" --seed 1 --attack "prm(steps=2)" --out "$OUT" "$@" >/dev/null 2>&1; echo $?; }
run --gate 'accuracy(system=zero-shot) >= 0'
run --gate 'robust_accuracy(attack=worst) >= 0.5'  # one attack has no worst case: undecided
run --gate 'robust_accuracy(attack=prm) >= 1.1'
run --gate 'robust_accuracy'
run --encoder nowhere.onnx --labels nowhere.json --text nowhere.npy
timeout --preserve-status -s INT 1 "$PLUMBLINE" check --images "$IN" --attack "prm(steps=100000,patience=0)" --out "$OUT" >/dev/null 2>&1; echo $?
`
	cmd := exec.Command(shell, "-c", script)
	cmd.Env = append(os.Environ(), "PLUMBLINE_TEST_AS_COMMAND=1", "PLUMBLINE="+self, "IN="+in, "OUT="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if want := "0\n1\n1\n2\n3\n4\n"; err != nil || string(out) != want {
		t.Errorf("codes %q, want %q (%v)", out, want, err)
	}
}

func sameFile(t *testing.T, a, b string) {
	t.Helper()
	x, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(x, y) {
		t.Errorf("%s and %s differ", a, b)
	}
}

func TestAttackCommand(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	someTiles(t, in)
	args := []string{"attack", "--encoder", "inspect-tiny", "--attack", "prm", "--eps", "2/255", "--steps", "2", "--images", in, "--out", out}
	succeed(t, args...)
	for _, name := range []string{"MT_Crack/exp1_num_32128", "MT_Free/exp4_num_195700"} {
		clean, adv := read(t, filepath.Join(in, name+".jpg")), read(t, filepath.Join(out, name+".png"))
		most := 0
		for i := range clean.Pix {
			d := int(clean.Pix[i]) - int(adv.Pix[i])
			most = max(most, d, -d)
		}
		if most != 2 {
			t.Errorf("%s: the largest change is %d levels, want 2", name, most)
		}
	}
	raw, err := os.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r craftReport
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Images) != 4 || r.Images[0].Linf != 2 || !strings.Contains(r.Attack, "steps=2") || r.Eps != "2/255" {
		t.Errorf("report %+v", r)
	}
	// A picture that is none does not stop the others, and resuming repeats nothing.
	if err := os.WriteFile(filepath.Join(in, "broken.png"), []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, log := command(t, append(args, "--resume")...)
	if code != exitInput || !strings.Contains(log, "broken.png") {
		t.Errorf("exit code %d, message %q", code, log)
	}
	if code, _, log := command(t, append(args, "--resume", "--seed", "9")...); code != exitInput || !strings.Contains(log, "cannot resume") {
		t.Errorf("another seed resumed: exit code %d, message %q", code, log)
	}
}

func read(t *testing.T, path string) *image.NRGBA {
	t.Helper()
	m, err := dataset.ReadImage(path)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestModelsCommands(t *testing.T) {
	dir := t.TempDir()
	if out := succeed(t, "models", "list"); !strings.Contains(out, "inspect-tiny") || !strings.Contains(out, "licence") {
		t.Errorf("list: %s", out)
	}
	succeed(t, "models", "verify")
	succeed(t, "models", "pull", "inspect-tiny", "--out", dir)
	succeed(t, "models", "verify", "inspect-tiny", "--dir", dir)
	path := filepath.Join(dir, "labels.json")
	if err := os.WriteFile(path, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, log := command(t, "models", "verify", "inspect-tiny", "--dir", dir); code != exitInput || !strings.Contains(log, "labels.json") {
		t.Errorf("exit code %d, message %q", code, log)
	}
}

func TestInspect(t *testing.T) {
	var v inspection
	if err := json.Unmarshal([]byte(succeed(t, "inspect", "inspect-tiny", "--json")), &v); err != nil {
		t.Fatal(err)
	}
	if s := v.Spec; s.Depth != 6 || s.Width != 128 || s.Patch != 8 || s.Tokens != 65 || !s.CLS || s.Embedding != 64 || s.Heads != 2 || len(v.Taps) != 9 {
		t.Errorf("%+v", v)
	}
}

// TestCheckCorruption lists a corruption once, at ε = 1, beside attacks at their own budgets.
func TestCheckCorruption(t *testing.T) {
	in, dir := t.TempDir(), t.TempDir()
	someTiles(t, in)
	out := succeed(t, "check", "--images", in, "--attack", "noise,corrupt(name=defocus,severity=5),fgsm", "--eps", "2/255,4/255", "--out", dir)
	if n := strings.Count(out, "corrupt(name=defocus,severity=5)"); n != 1 || !strings.Contains(out, "ε = 1\n") && !strings.Contains(out, "ε = 1 ") {
		t.Errorf("the corruption is listed %d times:\n%s", n, out)
	}
	r, err := report.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	at := r.Attack("corrupt(name=defocus,severity=5)@1")
	if at == nil || at.Kind != "corruption" || at.Knowledge != "none" {
		t.Fatalf("%+v", at)
	}
	for _, f := range r.Findings {
		if f.Attack == at.ID {
			t.Errorf("a corruption is reported as an attack: %+v", f)
		}
	}
}
