package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/models"
)

// twoTiles is a folder of one photograph of each of two classes.
func twoTiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, class := range []string{"MT_Free", "MT_Crack"} {
		files, err := fs.Glob(models.Tiles(), class+"/*.jpg")
		if err != nil || len(files) == 0 {
			t.Fatal(class, err)
		}
		raw, err := fs.ReadFile(models.Tiles(), files[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, class), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(files[0])), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCertifySmoothing(t *testing.T) {
	out := filepath.Join(t.TempDir(), "certificates.json")
	code, text, stderr := command(t, "certify", "--data", twoTiles(t), "--samples", "60", "--sigma", "0.05", "--radius", "0,0.05,9", "--out", out)
	if code != exitDone {
		t.Fatal(stderr)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var rows []certifiedImage
	if err := json.Unmarshal(raw, &rows); err != nil {
		t.Fatal(err)
	}
	right := 0
	for _, r := range rows {
		if r.Label == r.Truth {
			right++
		}
		if r.Radius < 0 || r.Radius > 0.05*1.7 { // σΦ⁻¹(α^(1/60)) is the most that 60 samples can certify
			t.Errorf("%s: radius %v", r.Image, r.Radius)
		}
	}
	if len(rows) != 2 || right != 2 || !strings.Contains(text, "certified at L2 radius 9     0 of 2") {
		t.Errorf("%d rows, %d right\n%s", len(rows), right, text)
	}
}

func TestCertifyPatch(t *testing.T) {
	code, text, stderr := command(t, "certify", "--data", twoTiles(t), "--patch", "8", "--masks", "2")
	if code != exitDone || !strings.Contains(text, "whatever the patch") {
		t.Errorf("code %d\n%s%s", code, text, stderr)
	}
	for _, c := range [][]string{{"--sigma", "0"}, {"--patch", "-1"}, {"--alpha", "2"}} {
		if code, _, stderr := command(t, append([]string{"certify"}, c...)...); code != exitUsage {
			t.Errorf("%q: code %d, %s", c, code, stderr)
		}
	}
	if code, _, stderr := command(t, "certify", "--patch", "9999"); code != exitInput || !strings.Contains(stderr, "9999") {
		t.Errorf("code %d, %s", code, stderr)
	}
}
