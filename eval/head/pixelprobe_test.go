package head

import (
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// pixelTokens are images of 16×16 pixels in patches of 4 whose tokens are the pixels themselves, and whose mask
// is a line one pixel wide in each of two classes, bright and dark.
func pixelTokens(n int, seed uint64) []Features {
	rng := rand.New(rand.NewPCG(seed, 3))
	var out []Features
	for range n {
		m := dataset.NewMask(16, 16)
		column, row := rng.IntN(16), rng.IntN(16)
		for i := range 16 {
			m.Pix[row*16+i] = 2
			m.Pix[i*16+column] = 1
		}
		a := Matrix(16, 16, make([]float32, 256))
		for i, v := range m.Pix {
			y, x := i/16, i%16
			value := [3]float64{0, 1, -1}[v] + 0.1*rng.NormFloat64()
			a.Row(y/4*4 + x/4)[y%4*4+x%4] = float32(value)
		}
		s := &dataset.Sample{Width: 16, Height: 16, Mask: m}
		out = append(out, Features{Acts: map[encoder.Tap]Activation{encoder.Tokens: a}, Sample: s})
	}
	return out
}

// TestPixelProbeDrawsThinLines asks for every pixel of lines that are thinner than a patch, and checks that
// they come out at twice the size and are beyond a head of one label a patch.
func TestPixelProbeDrawsThinLines(t *testing.T) {
	layout := Layout{Rows: 4, Cols: 4, Preproc: encoder.CLIPPreprocess(16)}
	taps := []encoder.Tap{encoder.Tokens}
	train, test := pixelTokens(60, 1), pixelTokens(20, 2)
	fine, err := TrainPixelProbe("fine", layout, taps, train, 2, 4, Training{Epochs: 60, Batch: 64, Rate: 0.05, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	coarse, err := TrainDenseProbe("coarse", layout, taps, train, 2, nil, Training{Epochs: 30, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := defectIoU(t, fine, test), defectIoU(t, coarse, test); a < 0.95 || b > a-0.3 {
		t.Errorf("one label a patch reaches %.3f, one a pixel %.3f", b, a)
	}
	in, err := test[0].Input(taps)
	if err != nil {
		t.Fatal(err)
	}
	small, err := fine.Predict(in)
	if err != nil {
		t.Fatal(err)
	}
	in.Width, in.Height = 32, 32
	large, err := fine.Predict(in)
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for y := range 32 {
		for x := range 32 {
			if large.Mask.Pix[y*32+x] == small.Mask.Pix[y/2*16+x/2] {
				same++
			}
		}
	}
	if same < 900 { // interpolation moves borders by half a pixel at most
		t.Errorf("at twice the size %d of 1024 pixels agree", same)
	}
	checkVJP(t, fine, in, 1e-3)
	checkStored(t, fine, test[:3])
}

// TestPixelProbeRefuses names what cannot be trained.
func TestPixelProbeRefuses(t *testing.T) {
	layout := Layout{Rows: 4, Cols: 4, Preproc: encoder.CLIPPreprocess(16)}
	taps := []encoder.Tap{encoder.Tokens}
	for _, c := range []struct{ classes, fine int }{{2, 0}, {2, 65}, {0, 4}, {255, 4}} {
		if _, err := TrainPixelProbe("p", layout, taps, pixelTokens(2, 1), c.classes, c.fine, Training{}); err == nil {
			t.Errorf("%d classes in %d cells a side were accepted", c.classes, c.fine)
		}
	}
}

// TestPixelBoxes asks for the boxes of two crossing lines: one of each class, across the whole image.
func TestPixelBoxes(t *testing.T) {
	layout := Layout{Rows: 4, Cols: 4, Preproc: encoder.CLIPPreprocess(16)}
	taps := []encoder.Tap{encoder.Tokens}
	fine, err := TrainPixelProbe("fine", layout, taps, pixelTokens(60, 1), 2, 4, Training{Epochs: 60, Batch: 64, Rate: 0.05, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	h := NewPixelBoxes("boxes", fine)
	test := pixelTokens(20, 2)
	right := 0
	for _, f := range test {
		for class := range 2 {
			want, _ := f.Sample.Mask.Bounds(class)
			for _, d := range predict(t, h, f).Detections {
				if d.Class == class && dataset.IoU(d.Box, want) > 0.9 {
					right++
				}
			}
		}
	}
	if right < 32 {
		t.Errorf("%d of 40 boxes found", right)
	}
	checkStored(t, h, test[:3])
	if fine.Name() != "fine" || h.Name() != "boxes" {
		t.Errorf("names %s and %s", fine.Name(), h.Name())
	}
}
