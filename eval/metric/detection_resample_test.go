package metric

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// TestResampledAPEqualsOn compares the functions for resamples with the plain evaluation on random resamples.
func TestResampledAPEqualsOn(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	box := func() dataset.Box {
		x, y := 20*rng.Float64(), 20*rng.Float64()
		return dataset.Box{X0: x, Y0: y, X1: x + 5 + 10*rng.Float64(), Y1: y + 5 + 10*rng.Float64(), Class: rng.IntN(3), Ignore: rng.IntN(9) == 0}
	}
	images := make([]Found, 12)
	for i := range images {
		for range rng.IntN(4) {
			images[i].Truth = append(images[i].Truth, box())
		}
		for range rng.IntN(9) {
			d := Detection{Box: box(), Score: rng.Float64()}
			if len(images[i].Truth) > 0 && rng.IntN(2) == 0 {
				d.Box = images[i].Truth[rng.IntN(len(images[i].Truth))]
				d.Ignore = false
			}
			images[i].Detections = append(images[i].Detections, d)
		}
	}
	d, err := NewDetectionScore(images, 3)
	if err != nil {
		t.Fatal(err)
	}
	ap50, ap75, ap := d.AP50(), d.AP75(), d.AP()
	for range 200 {
		indices := make([]int, rng.IntN(15))
		for k := range indices {
			indices[k] = rng.IntN(len(images))
		}
		on := d.On(indices)
		for _, pair := range [][2]float64{{ap50(indices), on.AP50}, {ap75(indices), on.AP75}, {ap(indices), on.AP}} {
			if got, want := pair[0], pair[1]; math.Abs(got-want) > 1e-12 && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Fatalf("%v: %v, want %v", indices, got, want)
			}
		}
	}
}
