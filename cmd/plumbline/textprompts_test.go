package main

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
	"github.com/plumbline-ml/plumbline/eval/text"
)

// TestTextEncoder runs sentences through the text tower of surfaces-tiny: the ensembles in its labels file give the
// embeddings that were saved beside it, and prompts from the command line classify as well.
func TestTextEncoder(t *testing.T) {
	dir := t.TempDir()
	succeed(t, "models", "pull", "surfaces-tiny", "--out", dir)
	at := func(name string) string { return filepath.Join(dir, name) }
	c := config{Labels: at("labels.json"), TextEncoder: &textConfig{Encoder: at("surfaces-tiny-text.onnx"), Tokenizer: at("labels.json")}}
	p, err := openText(t.Context(), c, &dataset.Dataset{Classes: surfaces.Defects})
	if err != nil {
		t.Fatal(err)
	}
	want, err := text.OpenEmbeddings(at("text-embeddings.npy"))
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range want {
		for j, v := range row {
			if math.Abs(float64(v-p.rows[i][j])) > 1e-4 {
				t.Fatalf("prompt %q: number %d is %v, saved beside the model %v", p.Prompts[i], j, p.rows[i][j], v)
			}
		}
	}
	out := t.TempDir()
	args := []string{"check", "--encoder", "surfaces-tiny", "--data", "surfaces:70", "--attack", "noise", "--out", out,
		"--text-encoder", at("surfaces-tiny-text.onnx"), "--tokenizer", at("labels.json")}
	for _, d := range surfaces.Defects[1:] {
		for _, s := range surfaces.Surfaces {
			args = append(args, "--prompt", d+"=there is a small "+d+" on the "+s)
		}
	}
	for _, s := range surfaces.Surfaces {
		args = append(args, "--prompt", "none=clean "+s)
	}
	succeed(t, args...)
	r, err := report.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Systems[0]; len(r.Systems) != 1 || !strings.Contains(s.Detail, "there is a small crack on the ceramic tile") {
		t.Errorf("systems %+v", r.Systems)
	}
	// With eleven sentences a class the model card says 0.86.
	if c := r.Cell("zero-shot", report.Clean); c.Score.Value < 0.65 {
		t.Errorf("accuracy with prompts from the command line: %+v", c.Score)
	}
}

func TestPromptMistakes(t *testing.T) {
	dir := t.TempDir()
	succeed(t, "models", "pull", "surfaces-tiny", "--out", dir)
	tower, labels := filepath.Join(dir, "surfaces-tiny-text.onnx"), filepath.Join(dir, "labels.json")
	for says, args := range map[string][]string{
		"give both --text-encoder and --tokenizer": {"--prompt", "none=clean tile"},
		"want CLASS=SENTENCE":                      {"--text-encoder", tower, "--tokenizer", labels, "--prompt", "clean tile"},
		"has no {} for the class":                  {"--text-encoder", tower, "--tokenizer", labels, "--template", "a photo"},
		`class "scratch" has no prompt`:            {"--text-encoder", tower, "--tokenizer", labels, "--prompt", "none=clean tile"},
		"no word of":                               {"--text-encoder", tower, "--tokenizer", labels, "--prompt", "none=xylophone"},
		"give text embeddings or a text encoder":   {"--text-encoder", tower, "--tokenizer", labels, "--labels", labels, "--text", filepath.Join(dir, "text-embeddings.npy")},
		"no input takes tokens":                    {"--text-encoder", filepath.Join(dir, "surfaces-tiny.onnx"), "--tokenizer", labels},
	} {
		code, _, log := command(t, append([]string{"check", "--encoder", "surfaces-tiny", "--data", "surfaces:7", "--out", filepath.Join(dir, "out")}, args...)...)
		if code != exitUsage && code != exitInput || !strings.Contains(log, says) {
			t.Errorf("%q: exit code %d, message %q, want %q", args, code, log, says)
		}
	}
}
