package head

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

// TestBackgroundFromGoodImages: patches of good images point up, the prompt for background does not, and two patches
// point towards the classes.
func TestBackgroundFromGoodImages(t *testing.T) {
	layout := NewLayout(fixtureSpec)
	p := &Projection{Tap: encoder.Tokens, Width: 3, Embed: 3, Linear: true, matrix: dense{w: []float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, b: make([]float32, 3)}}
	rng := rand.New(rand.NewPCG(5, 6))
	image := func() Features {
		a := Matrix(65, 3, make([]float32, 65*3))
		for k := range 65 {
			row := a.Row(k)
			row[0], row[1], row[2] = 0.1*float32(rng.NormFloat64()), 0.1*float32(rng.NormFloat64()), 1
		}
		return Features{Sample: &dataset.Sample{ID: "x", Width: 64, Height: 64}, Acts: map[encoder.Tap]Activation{encoder.Tokens: a}}
	}
	good := []Features{image(), image(), image()}
	h, err := NewDenseZeroShot("dense-text", layout, p, [][]float32{{-1, -1, 0}, {1, 0, 0}, {0, 1, 0}}, []int{0, 1, 2}, 2, 20)
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.Calibrate(good, 0)
	if err != nil {
		t.Fatal(err)
	}
	defective := image()
	copy(defective.Acts[encoder.Tokens].Row(1+9), []float32{1, 0, 0.2})
	copy(defective.Acts[encoder.Tokens].Row(1+18), []float32{0.1, 0.9, 0.2})
	right := func(h *DenseZeroShot, f Features, defects bool) bool {
		in, err := f.Input(h.Taps())
		if err != nil {
			t.Fatal(err)
		}
		s, err := h.Scores(in)
		if err != nil {
			t.Fatal(err)
		}
		for k := range 64 {
			want := 0
			if defects {
				want = map[int]int{9: 1, 18: 2}[k]
			}
			if argmax(s.Row(k)) != want {
				return false
			}
		}
		return true
	}
	if right(h, good[0], false) {
		t.Error("the prompt alone finds the background: the test shows nothing")
	}
	for _, f := range good {
		if !right(c, f, false) {
			t.Error("a patch of a good image that the radius was set from is a defect")
		}
	}
	if !right(c, defective, true) {
		t.Error("the two defective patches are not what was found")
	}
	found := predict(t, NewRegions(c), defective).Detections
	for _, want := range []dataset.Box{{X0: 8, Y0: 8, X1: 16, Y1: 16, Class: 0}, {X0: 16, Y0: 16, X1: 24, Y1: 24, Class: 1}} {
		if !slices.ContainsFunc(found, func(d metric.Detection) bool { return d.Class == want.Class && dataset.IoU(d.Box, want) >= 0.4 }) || len(found) != 2 {
			t.Errorf("found %+v, want a box on one patch for each class", found)
		}
	}
	in, _ := defective.Input(c.Taps())
	checkVJP(t, c, in, 2e-2)
	checkStored(t, c, []Features{defective})
	checkStored(t, NewRegions(c), []Features{defective})
	for _, bad := range []float64{-0.1, 1} {
		if _, err := h.Calibrate(good, bad); err == nil {
			t.Errorf("a false-positive rate of %v was accepted", bad)
		}
	}
	if _, err := h.Calibrate(nil, 0.1); err == nil {
		t.Error("no image was accepted")
	}
}
