package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/report"
)

// TestFailedHeads: heads that cannot be read or judged are named with the reason, the others are judged, and the exit
// code tells.
func TestFailedHeads(t *testing.T) {
	dir, in, out := t.TempDir(), t.TempDir(), t.TempDir()
	someTiles(t, in)
	some := filepath.Join(dir, "some")
	if err := os.Mkdir(some, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"classify-linear.head", "caption-retrieval.head"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "models", "inspect-tiny", "heads", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(some, name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(some, "torn.head"), []byte("PLUMHEAD"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, log := command(t, "check", "--images", in, "--heads", some, "--attack", "noise", "--out", out)
	if code != exitInput || !strings.Contains(log, "torn.head") || !strings.Contains(log, "Caption retrieval") {
		t.Errorf("exit code %d: %s", code, log)
	}
	r, err := report.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Cell("classify-linear", report.Clean) == nil {
		t.Error("the head that is whole was not judged")
	}
	var failed []string
	for _, f := range r.Flags {
		if f.Code == report.NotMade {
			failed = append(failed, f.Text.Args[0])
		}
	}
	if slices.Sort(failed); !slices.Equal(failed, []string{"Caption retrieval", "torn.head"}) {
		t.Errorf("the report says that %q could not be made", failed)
	}
	junit, err := os.ReadFile(filepath.Join(out, "report.junit.xml"))
	if err != nil || !strings.Contains(string(junit), `errors="2"`) || !strings.Contains(string(junit), `name="torn.head"`) {
		t.Errorf("JUnit: %v\n%s", err, junit)
	}
}

// TestOverruledPreprocessing: a configuration that reads images otherwise than the model's own file says is flagged.
func TestOverruledPreprocessing(t *testing.T) {
	dir, in := t.TempDir(), t.TempDir()
	someTiles(t, in)
	succeed(t, "models", "pull", "inspect-tiny", "--out", dir)
	raw, err := os.ReadFile(filepath.Join(dir, "labels.json"))
	if err != nil {
		t.Fatal(err)
	}
	named := strings.Replace(string(raw), "{", `{"classes": {"MT_Free": "magnetic tile, free of defects", "MT_Blowhole": "magnetic tile, with a blowhole", "MT_Crack": "magnetic tile, with a crack"},`, 1)
	if err := os.WriteFile(filepath.Join(dir, "labels.json"), []byte(named), 0o644); err != nil {
		t.Fatal(err)
	}
	beside := `{"do_resize": true, "size": {"height": 72, "width": 72}, "resample": 3, "do_center_crop": true, "crop_size": {"height": 64, "width": 64},
 "do_normalize": true, "do_rescale": true, "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}`
	if err := os.WriteFile(filepath.Join(dir, "preprocessor_config.json"), []byte(beside), 0o644); err != nil {
		t.Fatal(err)
	}
	const own = "{resize: [72, 72], crop: [64, 64], mean: [0.48145467042922974, 0.45782750844955444, 0.40821072459220886], std: [0.2686295509338379, 0.2613025903701782, 0.27577710151672363]}"
	const other = "{resize: [64, 64], mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}"
	for text, want := range map[string]int{
		"encoder: inspect-tiny":                       0,
		"encoder: inspect-tiny\npreprocess: " + own:   0,
		"encoder: inspect-tiny\npreprocess: " + other: 1,
		"encoder: inspect-tiny.onnx\npreprocess: " + other + "\nlabels: labels.json\ntext: text-embeddings.npy": 1,
		"systems: [{name: whole, onnx: inspect-tiny.onnx, text: text-embeddings.npy, preprocess: " + other +
			", classes: [crazing, inclusion, patches, pitted, scale, scratches, free, blowhole, break, crack, fray, uneven surface], map: {free: MT_Free, blowhole: MT_Blowhole, crack: MT_Crack}}]": 1,
	} {
		config := filepath.Join(dir, "plumbline.yaml")
		if err := os.WriteFile(config, []byte(text+"\nattacks: [noise]\ndata: {path: "+in+"}\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, "out")
		succeed(t, "check", "--config", config, "--out", out)
		r, err := report.ReadFile(filepath.Join(out, "report.json"))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, f := range r.Flags {
			if f.Text.Code == "flag.preprocessing-overruled" {
				found++
			}
		}
		if found != want {
			t.Errorf("%s:\n%d flags of an overruled preprocessing, want %d", text, found, want)
		}
	}
}
