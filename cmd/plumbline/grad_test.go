package main

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/internal/npy"
)

// TestMeanCosine compares value and gradient with central differences, for every layout a tap can have.
func TestMeanCosine(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, shape := range [][]int{{2, 6}, {2, 5, 3}, {2, 4, 3}, {2, 3, 2, 2}} {
		act := tensor.New(tensor.WithShape(shape...), tensor.Of(tensor.Float32))
		ref := make([]float32, act.Shape().TotalSize())
		for i := range ref {
			act.Float32s()[i], ref[i] = rng.Float32()+.2, rng.Float32()-.5
		}
		first := 0
		if len(shape) == 3 && shape[1] == 5 {
			first = 1
		}
		value, grad, err := meanCosine(act, ref, first)
		if err != nil {
			t.Fatal(err)
		}
		if !(value > -1 && value < 1) {
			t.Errorf("%v: value %v", shape, value)
		}
		moved := false
		for i, x := range act.Float32s() {
			const h = 1e-3
			at := func(d float32) float64 {
				act.Float32s()[i] = x + d
				v, _, err := meanCosine(act, ref, first)
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			want := (at(h) - at(-h)) / (2 * h)
			act.Float32s()[i] = x
			if got := float64(grad.Float32s()[i]); math.Abs(got-want) > 2e-4 {
				t.Errorf("%v, element %d: %v, central difference %v", shape, i, got, want)
			}
			moved = moved || grad.Float32s()[i] != 0
		}
		if !moved {
			t.Errorf("%v: the gradient is zero", shape)
		}
		if first > 0 && grad.Float32s()[0] != 0 {
			t.Error("the class token has a gradient")
		}
	}
}

func TestMeanCosineRefusesNothing(t *testing.T) {
	act := tensor.New(tensor.WithShape(1, 3), tensor.WithBacking([]float32{0, 0, 0}))
	if _, _, err := meanCosine(act, []float32{1, 0, 0}, 0); err == nil {
		t.Error("a vector of length zero has a cosine")
	}
}

// TestGradAgainstPyTorch runs encode and grad on encoders of several exporters and compares the files they
// write with values that PyTorch computed in float64.
func TestGradAgainstPyTorch(t *testing.T) {
	dir := sharedDir(t, "onnx/exports")
	raw, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var entries []struct {
		File, Golden string
		Outputs      map[string]string // output of the graph → golden
	}
	if err := json.Unmarshal(raw, &entries); err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{"models/openai_vit_d64__op14_dyn.onnx": true, "models/hf_dinov2_reg__op17_dyn.onnx": true, "models/timm_eva02_clip__op17_dyn.onnx": true,
		"models/oc220_patchnorm__op13_dyn.onnx": true, "models/timm_convnext_clip__op17_dyn.onnx": true}
	seen := 0
	for _, e := range entries {
		if !wanted[e.File] {
			continue
		}
		seen++
		model, golden := filepath.Join(dir, e.File), filepath.Join(dir, e.Golden)
		x, out := filepath.Join(golden, "x_b3.npy"), t.TempDir()
		succeed(t, "encode", model, "--in", x, "--tap", "embedding,"+outputOf(e.Outputs, "last"), "--out", out)
		near(t, filepath.Join(out, "embedding.npy"), filepath.Join(golden, "embed_b3.npy"), 1e-4)
		near(t, filepath.Join(out, outputOf(e.Outputs, "last")+".npy"), filepath.Join(golden, "last_b3.npy"), 1e-4)
		g := filepath.Join(out, "g.npy")
		succeed(t, "grad", model, "--in", x, "--loss", "sumsq:embedding", "--out", g)
		near(t, g, filepath.Join(golden, "grad_sumsq_b3.npy"), 1e-3)
		succeed(t, "grad", model, "--in", x, "--loss", "cosine:"+outputOf(e.Outputs, "last"), "--ref", filepath.Join(golden, "ref_tokens.npy"), "--out", g)
		near(t, g, filepath.Join(golden, "grad_cos_b3.npy"), 1e-3)
	}
	if seen != len(wanted) {
		t.Errorf("%d of %d encoders are in the manifest", seen, len(wanted))
	}
}

// outputOf is the graph's name of an output: some exporters normalise the last block's tokens once more, so
// that it is not the tap "tokens".
func outputOf(outputs map[string]string, key string) string {
	for name, k := range outputs {
		if k == key {
			return name
		}
	}
	return "no output " + key
}

func succeed(t *testing.T, args ...string) string {
	t.Helper()
	code, out, log := command(t, args...)
	if code != exitDone {
		t.Fatalf("%q: exit code %d: %s", args, code, log)
	}
	return out
}

// near compares two arrays: ‖a−b‖/‖b‖.
func near(t *testing.T, got, want string, tol float64) {
	t.Helper()
	a, as := readNPY(t, got)
	b, bs := readNPY(t, want)
	if !slices.Equal(as, bs) {
		t.Fatalf("%s: shape %v, want %v", want, as, bs)
	}
	var diff, norm float64
	for i := range b {
		diff += math.Pow(float64(a[i])-float64(b[i]), 2)
		norm += math.Pow(float64(b[i]), 2)
	}
	if e := math.Sqrt(diff / norm); !(e <= tol) {
		t.Errorf("%s: relative error %.2g, allowed %.0g", want, e, tol)
	}
}

// sharedDir finds the data that lie beside the repository, or skips.
func sharedDir(t *testing.T, sub string) string {
	t.Helper()
	root := os.Getenv("PLUMBLINE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	dir := filepath.Join(root, filepath.FromSlash(sub))
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("%s is not here", dir)
	}
	return dir
}

func readNPY(t *testing.T, path string) ([]float32, []int) {
	t.Helper()
	data, shape, err := npy.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return data, shape
}
