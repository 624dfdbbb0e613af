package metric

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// TestAP50EqualsOn compares the function for resamples with the plain evaluation on random resamples.
func TestAP50EqualsOn(t *testing.T) {
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
	fast := d.AP50()
	for range 200 {
		indices := make([]int, rng.IntN(15))
		for k := range indices {
			indices[k] = rng.IntN(len(images))
		}
		got, want := fast(indices), d.On(indices).AP50
		if math.Abs(got-want) > 1e-12 && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("%v: %v, want %v", indices, got, want)
		}
	}
}
