package main

import (
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// attackTiles crafts from some tiles and returns the report.
func attackTiles(t *testing.T, more ...string) craftReport {
	t.Helper()
	in, out := t.TempDir(), t.TempDir()
	someTiles(t, in)
	return attackFolder(t, in, out, more...)
}

func attackFolder(t *testing.T, in, out string, more ...string) craftReport {
	t.Helper()
	succeed(t, append([]string{"attack", "--encoder", "inspect-tiny", "--images", in, "--out", out}, more...)...)
	raw, err := os.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r craftReport
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Images {
		if c.Seconds != 0 {
			t.Errorf("%s: the report holds a time, which no second run repeats", c.Image)
		}
	}
	return r
}

// TestAttackTarget aims at a picture and at a prompt: the embedding turns towards the target.
func TestAttackTarget(t *testing.T) {
	in := t.TempDir()
	someTiles(t, in)
	target := filepath.Join(in, "MT_Free", "exp4_num_195700.jpg")
	for _, c := range [][]string{{"--target", target}, {"--target-text", "crack on a magnetic tile surface"}} {
		if c[0] == "--target-text" {
			c[1] = somePrompt(t)
		}
		r := attackFolder(t, in, t.TempDir(), append([]string{"--attack", "embedding", "--eps", "8/255", "--steps", "3"}, c...)...)
		if !strings.Contains(r.Attack, "target=") || strings.Contains(r.Attack, "target=none") {
			t.Errorf("%v: the attack is %s", c, r.Attack)
		}
		for _, im := range r.Images {
			if strings.HasSuffix(c[1], im.Image) {
				continue // the target itself
			}
			if float64(im.Objective) <= float64(im.Start) || im.Objective < -1 || im.Objective > 1 {
				t.Errorf("%v: %s: the cosine with the target went from %v to %v", c, im.Image, im.Start, im.Objective)
			}
		}
	}
}

func somePrompt(t *testing.T) string {
	t.Helper()
	p, err := embeddedPrompts("inspect-tiny")
	if err != nil {
		t.Fatal(err)
	}
	return p.Prompts[0]
}

// TestAttackInputs runs an attack on labels, one with prototypes and one that mixes pictures in.
func TestAttackInputs(t *testing.T) {
	in := t.TempDir()
	someTiles(t, in)
	r := attackFolder(t, in, t.TempDir(), "--attack", "apgd-ce", "--steps", "5", "--eps", "8/255", "--head", "zero-shot")
	clean, attacked := r.right()
	if attacked >= clean {
		t.Errorf("the head is right on %d clean and %d attacked tiles", clean, attacked)
	}
	for _, im := range r.Images {
		if im.Label == "" || im.Answer == "" || im.TokenCosine == nil || *im.TokenCosine >= 1 {
			t.Errorf("%+v", im)
		}
	}
	attackFolder(t, in, t.TempDir(), "--attack", "pa-attack(first=1)", "--steps", "1", "--eps", "2/255", "--prototypes", in)
	attackFolder(t, in, t.TempDir(), "--attack", "admix(copies=1)", "--steps", "1", "--eps", "2/255", "--mix", in)
}

// TestAttackMask changes nothing where the mask is black.
func TestAttackMask(t *testing.T) {
	in, masks, out := t.TempDir(), t.TempDir(), t.TempDir()
	someTiles(t, in)
	first := filepath.Join("MT_Crack", "exp1_num_32128")
	for _, name := range []string{first, filepath.Join("MT_Free", "exp4_num_195700")} {
		b := read(t, filepath.Join(in, name+".jpg")).Rect
		writeMask(t, filepath.Join(masks, name+".png"), b.Dx(), b.Dy())
	}
	removeOthers(t, in, masks)
	r := attackFolder(t, in, out, "--attack", "prm", "--steps", "2", "--eps", "8/255", "--mask", masks)
	if !strings.Contains(r.Threat, "mask") {
		t.Errorf("threat %s", r.Threat)
	}
	clean, adv := read(t, filepath.Join(in, first+".jpg")), read(t, filepath.Join(out, first+".png"))
	inside := 0
	for y := range clean.Rect.Dy() {
		for x := range clean.Rect.Dx() {
			if clean.NRGBAAt(x, y) != adv.NRGBAAt(x, y) {
				if x >= clean.Rect.Dx()/2 {
					t.Fatalf("the pixel at column %d, row %d changed, where the mask is black", x, y)
				}
				inside++
			}
		}
	}
	if inside == 0 {
		t.Error("nothing changed")
	}
}

// writeMask writes a mask whose left half is white.
func writeMask(t *testing.T, path string, w, h int) {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w / 2 {
			m.SetGray(x, y, color.Gray{Y: 255})
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, m); err != nil {
		t.Fatal(err)
	}
}

// removeOthers removes the pictures that have no mask.
func removeOthers(t *testing.T, in, masks string) {
	t.Helper()
	samples, err := loadImages(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples {
		if _, err := maskFile(masks, s.ID); err != nil {
			if err := os.Remove(filepath.Join(in, filepath.FromSlash(s.ID))); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestAttackNorms checks the files against ε in every norm.
func TestAttackNorms(t *testing.T) {
	for _, c := range []struct {
		norm, eps, attack string
		most              float64
	}{{"l2", "4", "pgd", 4}, {"l1", "20", "pgd", 20}, {"l0", "30", "pgd", 30}, {"patch", "1/20", "patch", 0.05}} {
		r := attackTiles(t, "--attack", c.attack, "--steps", "2", "--norm", c.norm, "--eps", c.eps)
		for _, im := range r.Images {
			if im.Size == nil || float64(*im.Size) > c.most || *im.Size == 0 {
				t.Errorf("%s: %s has size %v, ε is %s", c.norm, im.Image, im.Size, c.eps)
			}
		}
	}
}

// TestAttackErrors checks that what is missing or does not apply is named, and that nothing is written.
func TestAttackErrors(t *testing.T) {
	in, dir := t.TempDir(), t.TempDir()
	someTiles(t, in)
	small := filepath.Join(dir, "small.png")
	writeMask(t, small, 5, 4)
	none := filepath.Join(dir, "none.png")
	others := filepath.Join(dir, "others")
	writeMask(t, filepath.Join(others, "saucers", "a.png"), 9, 9)
	writeMask(t, filepath.Join(others, "cups", "b.png"), 9, 9)
	out := filepath.Join(dir, "out")
	for _, c := range []struct {
		code  int
		names string
		args  []string
	}{
		{exitUsage, "--eps is required", []string{"--attack", "prm"}},
		{exitUsage, `"prm"`, []string{"--attack", "prn", "--eps", "8/255"}},
		{exitUsage, "--head", []string{"--attack", "apgd-ce", "--eps", "8/255"}},
		{exitUsage, "--target", []string{"--attack", "m-attack", "--eps", "8/255"}},
		{exitUsage, "--target-text", []string{"--attack", "embedding(target=embedding)", "--eps", "8/255"}},
		{exitUsage, "--prototypes", []string{"--attack", "pa-attack", "--eps", "8/255"}},
		{exitUsage, "aims at nothing", []string{"--attack", "prm", "--eps", "8/255", "--target", small}},
		{exitUsage, "pa-attack does", []string{"--attack", "prm", "--eps", "8/255", "--prototypes", in}},
		{exitUsage, "admix does", []string{"--attack", "prm", "--eps", "8/255", "--mix", in}},
		{exitUsage, "l3", []string{"--attack", "prm", "--eps", "8/255", "--norm", "l3"}},
		{exitUsage, "l2", []string{"--attack", "cw-l2", "--eps", "8/255"}},
		{exitUsage, "row,column", []string{"--attack", "patch", "--eps", "1/50", "--norm", "patch", "--at", "7"}},
		{exitUsage, "position", []string{"--attack", "prm", "--eps", "8/255", "--at", "1,1"}},
		{exitUsage, "surrogates: apgd needs", []string{"--attack", "apgd", "--eps", "8/255", "--head", "zero-shot", "--surrogate", "surfaces-tiny"}},
		{exitInput, "none.png", []string{"--attack", "uap-ensemble", "--eps", "8/255", "--surrogate", none}},
		{exitUsage, "none of the prompts", []string{"--attack", "embedding", "--eps", "8/255", "--target-text", "a flying saucer"}},
		{exitInput, "none.png", []string{"--attack", "embedding", "--eps", "8/255", "--target", none}},
		{exitInput, "none.png", []string{"--attack", "prm", "--eps", "8/255", "--mask", none}},
		{exitInput, "small.png is 5×4 pixels", []string{"--attack", "prm", "--eps", "8/255", "--mask", small}},
		{exitInput, "no mask for the picture", []string{"--attack", "prm", "--eps", "8/255", "--mask", dir}},
		{exitInput, "has no prompt", []string{"--attack", "apgd-ce", "--eps", "8/255", "--head", "zero-shot", "--images", others}},
	} {
		code, stdout, stderr := command(t, append([]string{"attack", "--encoder", "inspect-tiny", "--images", in, "--out", out}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.names) || stdout != "" {
			t.Errorf("%q: code %d, want %d; message %q, want it to name %q", c.args, code, c.code, stderr, c.names)
		}
		if left, err := os.ReadDir(out); err == nil && len(left) > 0 {
			t.Errorf("%q: something was written although nothing could be done: %v", c.args, left)
		}
	}
}

// TestAttackCompare interrupts nothing, but resumes a finished comparison: the table is the same without a
// single attack being run again.
func TestAttackCompare(t *testing.T) {
	in, dir := t.TempDir(), t.TempDir()
	someTiles(t, in)
	out := filepath.Join(dir, "out")
	file := filepath.Join(dir, "compare.yaml")
	yaml := "title: Tiles\nencoder: inspect-tiny\ndata: {path: " + in + "}\ninputs: {head: zero-shot}\nseed: 3\n" +
		"groups:\n  - {attacks: [noise, fgsm, uap(steps=2)], eps: [2/255, 8/255]}\n" +
		"  - {attacks: [uap-ensemble(steps=2)], eps: [2/255, 8/255], surrogates: [surfaces-tiny]}\n  - {attacks: [deepfool(steps=2)], norm: l2, eps: [1], per_class: 1}\n"
	if err := os.WriteFile(file, []byte(yaml), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"attack", "compare", "--config", file, "--out", out}
	table := succeed(t, args...)
	for _, want := range []string{"# Tiles\n", "| none | 4 |", "| `uap(steps=2)` | 4 |", "| `uap-ensemble(steps=2)` | 4 |", "| `deepfool(steps=2)` |", "linf:8/255"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	if again := succeed(t, append(args, "--resume")...); again != table {
		t.Errorf("a resumed run prints\n%s\nafter\n%s", again, table)
	}
	if saved, err := os.ReadFile(filepath.Join(out, "table.md")); err != nil || string(saved) != table {
		t.Errorf("table.md holds %q: %v", saved, err)
	}
	if code, _, log := command(t, "attack", "compare", "--config", filepath.Join(out, "table.md"), "--out", out); code != exitUsage || !strings.Contains(log, "table.md") {
		t.Errorf("exit code %d, message %q", code, log)
	}
}

// TestCheckInputs gives check what attacks on the encoder need, and refuses those that need more.
func TestCheckInputs(t *testing.T) {
	in, dir := t.TempDir(), t.TempDir()
	someTiles(t, in)
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	target := filepath.Join(in, "MT_Free", "exp4_num_195700.jpg")
	config := put("check.yaml", "data: {path: "+in+"}\ninputs: {target: "+target+", target_text: "+somePrompt(t)+", prototypes: "+in+"}\n"+
		"attacks: [m-attack(steps=2), \"embedding(target=embedding,steps=2)\", \"pa-attack(first=1,steps=1)\"]\n")
	out := succeed(t, "check", "--config", config, "--out", filepath.Join(dir, "out"))
	for _, want := range []string{"m-attack(steps=2)", "embedding(target=embedding,steps=2)", "pa-attack(first=1,steps=1)"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %s:\n%s", want, out)
		}
	}
	for attack, want := range map[string]string{"apgd-ce": "white-box(apgd-ce)", "foa": "target: FILE", "embedding(target=embedding)": "target_text", "pa-attack": "prototypes: DIR"} {
		code, _, log := command(t, "check", "--images", in, "--attack", attack, "--out", filepath.Join(dir, "none"))
		if code != exitUsage || !strings.Contains(log, want) {
			t.Errorf("%s: exit code %d, message %q, want it to say %q", attack, code, log, want)
		}
	}
}
