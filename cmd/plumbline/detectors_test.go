package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/alarm"
)

func TestDetectorsOnTwoTiles(t *testing.T) {
	out := filepath.Join(t.TempDir(), "detectors.json")
	code, text, stderr := command(t, "detectors", "--data", twoTiles(t), "--clean", tilesIn(t), "--detector", "token-knn(memory=200)", "--steps", "2", "--out", out)
	if code != exitDone {
		t.Fatal(stderr)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var rows []alarm.Row
	if err := json.Unmarshal(raw, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1 || rows[0].Plain.AtFPR5.N != 2 || strings.Count(text, "token-knn") != 3 || !strings.Contains(text, "aware of it") {
		t.Errorf("%+v\n%s", rows, text)
	}
	for names, args := range map[string][]string{"clean": nil, "tokn": {"--clean", tilesIn(t), "--detector", "tokn-knn"}, "prmm": {"--objective", "prmm"}} {
		if code, _, stderr := command(t, append([]string{"detectors", "--data", twoTiles(t)}, args...)...); code != exitUsage || !strings.Contains(stderr, names) {
			t.Errorf("%q: code %d, %s", args, code, stderr)
		}
	}
}
