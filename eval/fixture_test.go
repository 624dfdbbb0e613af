package eval

import (
	"context"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
)

const side = 12 // pixels of the test images

// textures returns n images of three classes: waves of three directions with a little noise.
func textures(n int) *dataset.Dataset {
	d := &dataset.Dataset{Name: "textures", Classes: []string{"flat", "rows", "columns"}}
	for i := range n {
		s := dataset.Generated(fmt.Sprintf("%s/%02d.jpg", d.Classes[i%3], i), func() (*image.NRGBA, error) { return texture(i), nil }, nil)
		s.Label = i % 3
		d.Samples = append(d.Samples, s)
	}
	return d
}

func texture(i int) *image.NRGBA {
	rng := rand.New(rand.NewPCG(uint64(i), 9))
	m := image.NewNRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			wave := [3]float64{0, math.Sin(float64(y) * 1.1), math.Sin(float64(x) * 1.1)}[i%3]
			for c := range 3 {
				m.Pix[m.PixOffset(x, y)+c] = uint8(128 + 60*wave + 10*rng.Float64())
			}
			m.Pix[m.PixOffset(x, y)+3] = 255
		}
	}
	return m
}

// plan is an evaluation that takes a fraction of a second: a small random transformer, a zero-shot head
// whose class directions are the classes' mean embeddings, noise and two gradient attacks.
func plan(t testing.TB, images int) *Plan {
	t.Helper()
	enc := attacktest.NewViT(3, side, side, 4, 8, 2, 16)
	data := textures(images)
	zero, err := head.NewZeroShot("zero-shot", classMeans(t, enc, data), 10)
	if err != nil {
		t.Fatal(err)
	}
	group, err := Heads(enc, "same-weights", "", data, HeadSystem{Head: zero, Title: "Zero-shot"})
	if err != nil {
		t.Fatal(err)
	}
	p := &Plan{Title: "test", Tool: "plumbline test", Arithmetic: "float64", Encoder: enc, Artifact: report.Artifact{Name: "vit", SHA256: "00"},
		Data: data, Groups: []Group{group}, Seed: 5, Config: "attacks: ...\n", Workers: 2}
	for _, eps := range []string{"4/255", "16/255"} {
		r, err := attack.ParseEps(eps)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []struct{ name, kind string }{{"noise", "noise"}, {"pgd(steps=4,seed=5)", "gradient"}, {"prm(steps=4,seed=5)", "gradient"}} {
			at, err := attack.Parse(a.name)
			if err != nil {
				t.Fatal(err)
			}
			p.Attempts = append(p.Attempts, Attempt{Name: a.name, Attack: at, Threat: attack.Linf(r), Kind: a.kind, Knowledge: "encoder"})
		}
	}
	return p
}

func classMeans(t testing.TB, enc encoder.Encoder, data *dataset.Dataset) [][]float32 {
	t.Helper()
	loaded, errs := data.LoadAll(context.Background())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	acts, err := activations(context.Background(), enc, loaded, []encoder.Tap{encoder.Embedding})
	if err != nil {
		t.Fatal(err)
	}
	means := make([][]float32, len(data.Classes))
	overall := make([]float32, len(acts[0][0].Data))
	for i, s := range loaded {
		v := acts[0][i].Data
		if means[s.Label] == nil {
			means[s.Label] = make([]float32, len(v))
		}
		for k, x := range v {
			means[s.Label][k] += x / float32(len(loaded)/3)
			overall[k] += x / float32(len(loaded))
		}
	}
	for _, m := range means { // what the classes share is taken out, so that only differences count
		var along, length float32
		for k, o := range overall {
			along += m[k] * o
			length += o * o
		}
		for k, o := range overall {
			m[k] -= along / length * o
		}
	}
	return means
}
