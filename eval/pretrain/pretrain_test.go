package pretrain

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/internal/npy"
	"github.com/plumbline-ml/plumbline/internal/tower"
	"github.com/plumbline-ml/plumbline/internal/train"
)

var miniature = Recipe{
	Name:  "miniature",
	Image: tower.Image{Size: 64, Patch: 16, Width: 32, Depth: 2, Heads: 2, Embed: 16},
	Text:  tower.Text{Width: 16, Depth: 1, Heads: 2, Embed: 16},
	Seed:  5, Images: 70, Held: 35, Dense: 0.5,
	Train: train.Config{Steps: 60, Batch: 16, LR: 3e-3, Warmup: 5, Decay: 0.05, Clip: 1, Seed: 5},
}

// TestContrast checks the loss at two pairs by hand and its gradients by central differences.
func TestContrast(t *testing.T) {
	image := [][]float32{{2, 0}, {0, 3}}
	text := [][]float32{{1, 0}, {0, 1}}
	diagonal := func(i, j int) bool { return i == j }
	loss, _, _, _ := contrast(image, text, diagonal, 3)
	if want := 2 * math.Log(1+math.Exp(-3)); math.Abs(loss-want) > 1e-12 {
		t.Errorf("loss %v, want %v", loss, want)
	}
	image = [][]float32{{1, 0.5, -1}, {0.2, -2, 0.3}, {1, 1, 1}}
	text = [][]float32{{0.4, 1, 2}, {-1, 0.1, 0.7}, {0.4, 1, 2}}
	same := func(i, j int) bool { return i == j || i != 1 && j != 1 }
	_, dv, dw, ds := contrast(image, text, same, 2)
	value := func(scale float64) float64 { l, _, _, _ := contrast(image, text, same, scale); return l }
	const h = 1e-2
	for k, rows := range [][][]float32{image, text} {
		grads := [][][]float32{dv, dw}[k]
		for i := range rows {
			for j := range rows[i] {
				keep := rows[i][j]
				rows[i][j] = keep + h
				up := value(2)
				rows[i][j] = keep - h
				d := (up - value(2)) / (2 * h)
				rows[i][j] = keep
				if math.Abs(d-float64(grads[i][j])) > 1e-3 {
					t.Errorf("gradient %d at %d,%d: %v, difference %v", k, i, j, grads[i][j], d)
				}
			}
		}
	}
	if d := (value(2*math.Exp(1e-4)) - value(2*math.Exp(-1e-4))) / 2e-4; math.Abs(d-ds) > 1e-6 {
		t.Errorf("gradient at the scale: %v, difference %v", ds, d)
	}
}

// TestMiniature trains a small model end to end, twice: it learns, and the weights are the same.
func TestMiniature(t *testing.T) {
	weights := func() []float32 {
		m, err := New(context.Background(), miniature)
		if err != nil {
			t.Fatal(err)
		}
		var first, last float64
		_, err = m.Train(context.Background(), "", 0, func(p train.Progress) {
			if p.Step <= 5 {
				first += p.Loss / 5
			}
			if p.Step > p.Steps-5 {
				last += p.Loss / 5
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if last > first*0.75 {
			t.Errorf("the loss went from %.3f to %.3f", first, last)
		}
		right, err := m.Accuracy(context.Background(), 140)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("loss %.3f to %.3f; %d of 140", first, last, right)
		var all []float32
		for _, p := range m.params {
			all = append(all, p.Value...)
		}
		return all
	}
	if !slices.Equal(weights(), weights()) {
		t.Error("two runs of one seed give different weights")
	}
}

// TestOverfit learns two batches by heart.
func TestOverfit(t *testing.T) {
	r := miniature
	r.Images, r.Held = 32, 0
	r.Train.Steps, r.Train.Decay, r.Dense = 150, 0, 0
	m, err := New(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	res, err := m.Train(context.Background(), "", 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.Loss > 0.35 {
		t.Errorf("after %d steps on 32 images the loss is %.3f", res.Steps, res.Loss)
	}
}

func TestVocabulary(t *testing.T) {
	v := NewVocabulary([]string{"a scratch, top", "A photo"}, 5)
	if !slices.Equal(v.Words, []string{"a", "photo", "scratch", "top"}) {
		t.Errorf("words %q", v.Words)
	}
	if got := v.Encode("a new photo"); !slices.Equal(got, []float32{2, 3, 1, 4, 0}) {
		t.Errorf("ids %v", got)
	}
	if got := v.Encode("a a a a a a a"); len(got) != 5 {
		t.Errorf("ids %v", got)
	}
}

func TestPromptsAreCaptions(t *testing.T) {
	v := NewVocabulary(allCaptions(), maxWords)
	for c := range 7 {
		for _, p := range Prompts(c) {
			if slices.Contains(v.Encode(p), unknownWord) {
				t.Errorf("prompt %q has a word that no caption has", p)
			}
		}
	}
}

// TestSave checks that the files give what the trainer has.
func TestSave(t *testing.T) {
	ctx := context.Background()
	r := miniature
	r.Train.Steps, r.Held = 2, 0
	m, err := New(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Train(ctx, "", 0, nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := m.Save(ctx, dir); err != nil {
		t.Fatal(err)
	}
	some, err := draw(ctx, r, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	images := []*tensor.Dense{dataset.Planar(some[0].pixels)}
	want, err := m.embed(ctx, images)
	if err != nil {
		t.Fatal(err)
	}
	e, err := encoder.Open(filepath.Join(dir, "miniature.onnx"), encoder.WithPreprocess(encoder.CLIPPreprocess(64)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Forward(ctx, images, encoder.Embedding)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got[0].Float32s(), want[0]) {
		t.Error("the saved encoder gives another embedding")
	}
	rows, shape, err := npy.Open(filepath.Join(dir, "text-embeddings.npy"))
	if err != nil || !slices.Equal(shape, []int{7, 16}) {
		t.Fatalf("text embeddings of shape %v: %v", shape, err)
	}
	classes, err := m.ClassEmbeddings(ctx)
	if err != nil || !slices.Equal(rows[:16], classes[0]) {
		t.Errorf("text embeddings differ: %v", err)
	}
	var l labels
	raw, err := os.ReadFile(filepath.Join(dir, "labels.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &l); err != nil || len(l.Prompts) != 7 || l.Recipe.String() != m.Recipe.String() {
		t.Errorf("labels %+v: %v", l, err)
	}
}
