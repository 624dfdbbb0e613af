package encoder

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/internal/npy"
)

// forORT is a folder for one case of a kind. With PLUMBLINE_ORT_DIR set, it stays for internal/ortcheck to run.
func forORT(t *testing.T, kind, id string) (dir string, kept bool) {
	t.Helper()
	root := os.Getenv("PLUMBLINE_ORT_DIR")
	if root == "" {
		return t.TempDir(), false
	}
	dir, err := filepath.Abs(filepath.Join(root, kind, id))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir, true
}

// write leaves an array: kind is in or out.
func write(t *testing.T, dir, kind, name string, v []float32, shape []int) {
	t.Helper()
	if err := npy.Save(filepath.Join(dir, kind+"."+url.PathEscape(name)+".npy"), v, shape...); err != nil {
		t.Fatal(err)
	}
}

// leave writes inputs of every batch and what the encoder makes of them.
func (g golden) leave(dir string) {
	g.t.Helper()
	limit := 1e-4
	for _, tol := range g.model.Tolerance {
		limit = max(limit, tol.RelL2)
	}
	if err := os.WriteFile(filepath.Join(dir, "limit.txt"), fmt.Append(nil, limit), 0o644); err != nil {
		g.t.Fatal(err)
	}
	var taps []Tap
	for name := range g.model.Outputs {
		taps = append(taps, Tap(name))
	}
	for _, batch := range []string{"b1", "b3"} {
		at := filepath.Join(dir, batch)
		if err := os.MkdirAll(at, 0o755); err != nil {
			g.t.Fatal(err)
		}
		x, shape := g.load("x_" + batch)
		write(g.t, at, "in", g.model.Input, x, shape)
		acts, err := Activations(context.Background(), g.enc, g.images(batch), taps...)
		if err != nil {
			g.t.Fatal(err)
		}
		for i, a := range acts {
			write(g.t, at, "out", string(taps[i]), a.Float32s(), a.Shape())
		}
	}
}

// TestSaveChanged changes every weight a little, saves, and opens what was saved: it gives what the changed encoder gives.
func TestSaveChanged(t *testing.T) {
	root := sharedGoldens(t)
	for _, m := range goldens(t, root) {
		t.Run(m.ID, func(t *testing.T) {
			src, err := OpenTrainable(filepath.Join(root, m.File))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range src.Params() {
				for i, v := range p.Value {
					p.Value[i] = v * float32(1+0.05*math.Sin(float64(i)))
				}
			}
			src.Sync()
			dir, kept := forORT(t, "changed", m.ID)
			path := filepath.Join(dir, "saved.onnx")
			if err := src.Save(path); err != nil {
				t.Fatal(err)
			}
			saved, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			g := golden{t: t, enc: saved.Raw(), dir: filepath.Join(root, m.Golden), model: m}
			got, want := g.embed(saved), g.embed(src.Model)
			limit := 1e-4
			if strings.Contains(m.ID, "fp16") { // its weights are rounded when they are saved
				limit = 2e-3
			}
			var wide []float64
			for _, v := range want {
				wide = append(wide, float64(v))
			}
			closeTo(t, "embedding", got, wide, limit)
			if before, _ := g.load("embed_b1"); slices.Equal(got, before) {
				t.Error("nothing changed")
			}
			if kept {
				g.leave(dir)
			}
		})
	}
}

// embed is the embedding of the first image by an encoder.
func (g golden) embed(m *Model) []float32 {
	g.t.Helper()
	acts, err := Activations(context.Background(), m.Raw(), []*tensor.Dense{g.images("b1")[0]}, Embedding)
	if err != nil {
		g.t.Fatal(err)
	}
	return acts[0].Float32s()
}
