package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/models"
)

// tilesIn copies the embedded photographs into a folder.
func tilesIn(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := fs.WalkDir(models.Tiles(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".jpg" {
			return err
		}
		raw, err := fs.ReadFile(models.Tiles(), name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, "/", "-")), raw, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// decisions reads what guard printed.
func decisions(t *testing.T, text string) []defense.Decision {
	t.Helper()
	var out []defense.Decision
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		var d defense.Decision
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		out = append(out, d)
	}
	return out
}

func TestGuardPassesCleanAndHoldsAttackedPictures(t *testing.T) {
	clean, adversarial := tilesIn(t), t.TempDir()
	log := filepath.Join(t.TempDir(), "line.audit")
	guard := func(images string) (int, []defense.Decision) {
		code, out, stderr := command(t, "guard", "--clean", clean, "--detector", "token-knn(memory=500)", "--fpr", "0", "--images", images, "--log", log)
		if code != exitDone && code != exitGate {
			t.Fatalf("code %d: %s", code, stderr)
		}
		return code, decisions(t, out)
	}
	if code, got := guard(clean); code != exitDone || len(got) != 12 {
		t.Errorf("clean pictures: code %d, %d decisions", code, len(got))
	}
	if code, _, stderr := command(t, "attack", "--encoder", "inspect-tiny", "--attack", "prm", "--steps", "10", "--eps", "8/255",
		"--images", clean, "--out", adversarial); code != exitDone {
		t.Fatal(stderr)
	}
	code, got := guard(adversarial)
	held := 0
	for _, d := range got {
		if d.Action > defense.Pass {
			held++
		}
	}
	if code != exitGate || len(got) != 12 || held < 10 {
		t.Errorf("attacked pictures: code %d, %d of %d held", code, held, len(got))
	}
	code, out, _ := command(t, "audit", "verify", log)
	if code != exitDone || !strings.Contains(out, "intact, head 25:") {
		t.Errorf("audit verify: code %d, %s", code, out)
	}
}

func TestGuardReadsPathsAndSendsUnreadablePicturesToAPerson(t *testing.T) {
	dir := tilesIn(t)
	broken := filepath.Join(dir, "MT_Blowhole-0.png")
	if err := os.WriteFile(broken, []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var in bytes.Buffer
	in.WriteString(filepath.Join(dir, entries[len(entries)-1].Name()) + "\n\n" + broken + "\n" + filepath.Join(dir, "none.png") + "\n" + dir + "\n")
	var out, stderr bytes.Buffer
	if code := run(context.Background(), []string{"guard", "--images", "-"}, &in, &out, &stderr); code != exitGate {
		t.Fatalf("code %d: %s", code, stderr.String())
	}
	got := decisions(t, out.String())
	if len(got) != 4 || got[0].Action != defense.Pass || got[1].Action != defense.Person || got[2].Action != defense.Person || got[3].Action != defense.Person {
		t.Fatalf("decisions %+v", got)
	}
	if got[1].ID != broken || !strings.Contains(got[1].Reasons[0], "unreadable") || stderr.String() != "1 passed, 3 to a person, 0 stopped\n" {
		t.Errorf("%+v, %q", got[1], stderr.String())
	}
}

// A stop holds over a restart until somebody puts his name to a release.
func TestGuardLatchOutlivesTheProcess(t *testing.T) {
	clean := tilesIn(t)
	dir := t.TempDir()
	cfg := filepath.Join(dir, "guard.yaml")
	text := "clean: " + clean + "\nlatch: true\ndisagree: stop\nsecond: {encoder: inspect-tiny}\ndetectors:\n- {detector: noise-drift, stop: -1000000}\n" +
		"rates:\n- {name: many held, at: person, window: 1m, least: 2, limit: 0.5, then: stop}\n"
	if err := os.WriteFile(cfg, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	one := t.TempDir()
	entries, err := os.ReadDir(clean)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(clean, entries[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(one, "a.jpg"), raw, 0o644); err != nil {
		t.Fatal(err)
	}
	guard := func(args ...string) defense.Decision {
		code, out, stderr := command(t, append([]string{"guard", "--config", cfg, "--images", one, "--log", filepath.Join(dir, "log")}, args...)...)
		got := decisions(t, out)
		if len(got) != 1 {
			t.Fatalf("code %d, %q, %q", code, out, stderr)
		}
		return got[0]
	}
	if d := guard(); d.Action != defense.Stop {
		t.Fatalf("%+v", d)
	}
	text = strings.Replace(text, "stop: -1000000", "stop: 1000000", 1)
	if err := os.WriteFile(cfg, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if d := guard(); d.Action != defense.Stop || !strings.Contains(strings.Join(d.Reasons, ";"), "releases") {
		t.Errorf("after a restart: %+v", d)
	}
	if d := guard("--release", "A. Turner"); d.Action != defense.Pass {
		t.Errorf("after the release: %+v", d)
	}
	if d := guard(); d.Action != defense.Pass {
		t.Errorf("afterwards: %+v", d)
	}
}

func TestGuardRefusesWhatCannotBeMeant(t *testing.T) {
	dir := tilesIn(t)
	yaml := func(text string) string {
		path := filepath.Join(t.TempDir(), "guard.yaml")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	labels := filepath.Join(t.TempDir(), "labels.json")
	if err := os.WriteFile(labels, []byte(`{"prompts":["a cat"]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args  []string
		code  int
		names string
	}{
		{nil, exitUsage, "--images"},
		{[]string{"--images", dir, "--detector", "token-knn"}, exitUsage, "--clean"},
		{[]string{"--images", dir, "--clean", dir, "--detector", "tokn-knn"}, exitUsage, "tokn-knn"},
		{[]string{"--images", dir, "--clean", dir, "--detector", "token-knn", "--fpr", "2"}, exitUsage, "2"},
		{[]string{"--images", dir, "--confidence", "NaN"}, exitUsage, "NaN"},
		{[]string{"--images", dir, "--config", yaml("lach: true")}, exitUsage, "lach"},
		{[]string{"--images", dir, "--config", yaml("disagree: halt")}, exitUsage, "halt"},
		{[]string{"--images", dir, "--config", yaml("clean: .\ndetectors: [{detector: token-knn}]")}, exitUsage, "person_fpr"},
		{[]string{"--images", dir, "--config", yaml("rates: [{name: x, at: person}]")}, exitInput, "rate alarm"},
		{[]string{"--images", dir, "--config", yaml("second: {encoder: surfaces-tiny}")}, exitUsage, "in common"},
		{[]string{"--images", dir, "--head", filepath.Join(dir, "none.head")}, exitInput, "none.head"},
		{[]string{"--images", filepath.Join(dir, "none")}, exitInput, "none"},
		{[]string{"--images", dir, "--log", labels}, exitInput, "not an audit log"},
		{[]string{"--images", dir, "--key-file", filepath.Join(dir, "none.key")}, exitInput, "none.key"},
	} {
		code, out, stderr := command(t, append([]string{"guard"}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.names) || out != "" {
			t.Errorf("%q: code %d, want %d; message %q, want it to name %q", c.args, code, c.code, stderr, c.names)
		}
	}
}

func TestAuditVerifyFindsTampering(t *testing.T) {
	dir := tilesIn(t)
	log, key := filepath.Join(t.TempDir(), "log"), filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("a secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := command(t, "guard", "--images", dir, "--log", log, "--key-file", key); code != exitDone {
		t.Fatal(stderr)
	}
	code, out, _ := command(t, "audit", "verify", log, "--key-file", key)
	_, head, ok := strings.Cut(strings.TrimSpace(out), "head ")
	if code != exitDone || !ok {
		t.Fatalf("code %d, %s", code, out)
	}
	if code, out, _ := command(t, "audit", "verify", log); code != exitGate || !strings.Contains(out, "changed") {
		t.Errorf("without the key: code %d, %s", code, out)
	}
	if code, _, _ := command(t, "audit", "verify", log, "--key-file", key, "--head", head, "--json"); code != exitDone {
		t.Errorf("with the head noted down: code %d", code)
	}
	if code, _, stderr := command(t, "audit", "verify", log, "--head", "12"); code != exitUsage || !strings.Contains(stderr, "LINES:HASH") {
		t.Errorf("code %d, %s", code, stderr)
	}
	raw, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(log, bytes.Replace(raw, []byte(`"action":"pass"`), []byte(`"action":"stop"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := command(t, "audit", "verify", log, "--key-file", key); code != exitGate || !strings.Contains(out, "line 2: changed") {
		t.Errorf("a changed line: code %d, %s", code, out)
	}
}
