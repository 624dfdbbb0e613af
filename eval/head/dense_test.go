package head

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// defectIoU is the IoU of "some defect" over all images.
func defectIoU(t *testing.T, h Head, test []Features) float64 {
	t.Helper()
	both, either := 0, 0
	for _, f := range test {
		m := predict(t, h, f).Mask
		for i, v := range f.Sample.Mask.Pix {
			if v > 0 && m.Pix[i] > 0 {
				both++
			}
			if v > 0 || m.Pix[i] > 0 {
				either++
			}
		}
	}
	return float64(both) / float64(either)
}

func TestSegmentation(t *testing.T) {
	train, test := data(t)
	layout := NewLayout(fixtureSpec)
	linear, err := TrainDenseProbe("dense-linear", layout, []encoder.Tap{encoder.Tokens}, train, 7, nil, Training{Epochs: 6, Batch: 256, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	mlp, err := TrainDenseProbe("dense-mlp", layout, []encoder.Tap{encoder.Block(0), encoder.Tokens}, train, 7, []int{32}, Training{Epochs: 8, Batch: 256, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	knn, err := NewDenseKNN("dense-knn", layout, []encoder.Tap{encoder.Block(0)}, train, 7, 7, 150, 1)
	if err != nil {
		t.Fatal(err)
	}
	fine, err := TrainPixelProbe("dense-pixels", layout, []encoder.Tap{encoder.Block(0), encoder.Tokens}, train, 7, 4, Training{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		h     Head
		least float64
	}{{fine, 0.1}, {linear, 0.05}, {mlp, 0.15}, {knn, 0.1}} {
		iou := defectIoU(t, c.h, test)
		if iou < c.least {
			t.Errorf("%s: IoU of defects %.3f", c.h.Name(), iou)
		}
		t.Logf("%s: IoU of defects %.3f", c.h.Name(), iou)
		checkStored(t, c.h, test[:5])
		if d, ok := c.h.(Differentiable); ok {
			in, _ := test[4].Input(c.h.Taps())
			checkVJP(t, d, in, 2e-2)
		}
	}
}

// Patches whose scores are known give the mask that belongs to them; the source is twice the input's size and
// cropped.
func TestMaskFromScores(t *testing.T) {
	layout := Layout{Rows: 2, Cols: 2, Preproc: encoder.Preprocess{Resize: [2]int{4, 0}, Crop: [2]int{4, 4}, Mean: [3]float64{}, Std: [3]float64{1, 1, 1}}}
	p, err := layout.over("t", 12, 8) // shorter side 8 → 4; 12 → 6, of which the middle 4 are seen: source columns 2 to 10
	if err != nil {
		t.Fatal(err)
	}
	scores := Matrix(4, 2, []float32{1, 0, 1, 0, 0, 1, 1, 0}) // lower left is class 0
	m := p.maskFrom(scores)
	for y := range 8 {
		for x := range 12 {
			want := y >= 4 && x >= 2 && x < 6
			corner := x == 5 && y == 4 // bilinear rounds the inner corner
			if got := m.Pix[y*12+x] == 1; got != want && !corner {
				t.Errorf("pixel (%d,%d) is %v", x, y, got)
			}
		}
	}
	truth := dataset.NewMask(12, 8)
	for y := 4; y < 8; y++ {
		for x := 2; x < 4; x++ {
			truth.Pix[y*12+x] = 1
		}
	}
	shares := p.shares(truth, 2)
	if shares[2][1] != 0.5 || shares[0][1] != 0 || shares[3][0] != 1 {
		t.Errorf("shares %v", shares)
	}
}

// Where the embedding is an affine map of a weighted mean of the values, the map is found and carries every
// value.
func TestValueProjectionIsRecovered(t *testing.T) {
	layout := NewLayout(fixtureSpec)
	truth := dense{w: []float32{1, 0, 0.5, 0, 1, 0, -1, 0.3, 0.2, 0.4, 0, 1}, b: []float32{0.1, -0.2, 0}}
	rng := rand.New(rand.NewPCG(3, 4))
	var feats []Features
	for range 40 {
		values := Matrix(65, 4, make([]float32, 65*4))
		for k := range values.Data {
			values.Data[k] = float32(rng.NormFloat64())
		}
		out := values.Zeros()
		for k := range 65 {
			w := rng.Float64() / 33
			for j := range 4 {
				out.Row(0)[j] += float32(w) * values.Row(k)[j]
			}
		}
		feats = append(feats, Features{Sample: &dataset.Sample{ID: "x", Width: 64, Height: 64}, Acts: map[encoder.Tap]Activation{
			encoder.Values(1): values, encoder.AttentionOut(1): out, encoder.Embedding: Vector(truth.apply(out.Row(0), 3))}})
	}
	p, err := FitValueProjection(layout, 1, feats)
	if err != nil || p.Fit < 0.9999 || p.Tap != encoder.Values(1) {
		t.Fatalf("%+v, %v", p, err)
	}
	x := feats[0].Acts[encoder.Values(1)].Row(7)
	for j, v := range p.apply(x) {
		if want := truth.apply(x, 3)[j]; math.Abs(float64(v-want)) > 0.01 {
			t.Errorf("projected %v, want %v", p.apply(x), truth.apply(x, 3))
		}
	}
	h, err := NewDenseZeroShot("values", layout, p, [][]float32{{1, 0, 0}, {0, 1, 0}}, []int{0, 1}, 1, 20)
	if err != nil {
		t.Fatal(err)
	}
	in, _ := feats[1].Input(h.Taps())
	checkVJP(t, h, in, 2e-2)
	checkStored(t, h, feats[:2])
	layout.Prefix = 0
	if _, err := FitValueProjection(layout, 1, feats); err == nil {
		t.Error("an encoder without a class token was accepted")
	}
}

// An encoder whose embedding is an affine map of its normalised class token: the projection must be found
// exactly, and zero-shot segmentation must find the patches that were made from the class directions.
func TestProjectionIsRecovered(t *testing.T) {
	layout := NewLayout(fixtureSpec)
	truth := &Projection{Tap: encoder.Tokens, Width: 6, Embed: 4, matrix: dense{
		w: []float32{1, 0, 0, 0.5, 0, 1, 0, 0, 0, 0, 1, 0, 0.3, 0, 0, 1, -1, 0.2, 0, 0, 0, -1, 0.4, 0}, b: []float32{0.1, 0, -0.2, 0}}}
	var feats []Features
	rng := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		a := Matrix(65, 6, make([]float32, 65*6))
		for k := range a.Data {
			a.Data[k] = float32(rng.NormFloat64())
		}
		feats = append(feats, Features{Sample: &dataset.Sample{ID: "x", Width: 64, Height: 64, Label: 0},
			Acts: map[encoder.Tap]Activation{encoder.Tokens: a, encoder.Embedding: Vector(truth.apply(a.Row(0)))}})
	}
	p, err := FitProjection(layout, encoder.Tokens, feats)
	if err != nil || p.Fit < 0.9999 {
		t.Fatalf("fit %v, %v", p, err)
	}
	x := feats[3].Acts[encoder.Tokens].Row(9)
	for j, v := range p.apply(x) {
		if want := truth.apply(x)[j]; math.Abs(float64(v-want)) > 0.01 {
			t.Errorf("projected %v, want %v", p.apply(x), truth.apply(x))
			break
		}
	}
	bg, dent := truth.apply(feats[0].Acts[encoder.Tokens].Row(1)), truth.apply(feats[0].Acts[encoder.Tokens].Row(2))
	h, err := NewDenseZeroShot("dense-text", layout, p, [][]float32{bg, dent, dent}, []int{0, 2, 2}, 2, 20)
	if err != nil {
		t.Fatal(err)
	}
	out := predict(t, h, feats[0])
	if out.Mask.Pix[3*64+3] != 0 || out.Mask.Pix[3*64+12] != 2 {
		t.Errorf("patches 0 and 1 became %d and %d", out.Mask.Pix[3*64+3], out.Mask.Pix[3*64+12])
	}
	in, _ := feats[1].Input(h.Taps())
	checkVJP(t, h, in, 2e-2)
	checkStored(t, h, feats[:3])
	if _, err := NewDenseZeroShot("x", layout, p, [][]float32{dent}, []int{1}, 2, 20); err == nil {
		t.Error("no background prompt was accepted")
	}
}
