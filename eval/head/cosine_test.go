package head

import (
	"math"
	"testing"
)

func TestZeroShotByHand(t *testing.T) {
	// Directions along x and y (given unnormalised); e at 60° from x: cosines 1/2 and √3/2.
	z, err := NewZeroShot("zs", [][]float32{{2, 0}, {0, 5}}, 10)
	if err != nil {
		t.Fatal(err)
	}
	e := []float32{3 * 0.5, 3 * float32(math.Sqrt(3)) / 2}
	out, err := z.Predict(Input{Acts: []Activation{Vector(e)}})
	if err != nil || out.Label != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	if math.Abs(float64(out.Scores[0])-5) > 1e-6 || math.Abs(float64(out.Scores[1])-5*math.Sqrt(3)) > 1e-6 {
		t.Fatalf("scores %v", out.Scores)
	}
}

func TestZeroShotVJP(t *testing.T) {
	z, err := NewZeroShot("zs", [][]float32{{1, 2, -1}, {0.5, 0, 2}, {-1, 1, 1}, {0.1, 3, 0}}, 7)
	if err != nil {
		t.Fatal(err)
	}
	checkVJP(t, z, Input{Acts: []Activation{Vector([]float32{0.7, -0.2, 1.3})}}, 2e-3)
}

func TestZeroShotRefusesBadInput(t *testing.T) {
	for name, rows := range map[string][][]float32{"none": nil, "ragged": {{1, 2}, {1}}, "zero": {{0, 0}}, "nan": {{float32(math.NaN()), 1}}} {
		if _, err := NewZeroShot("zs", rows, 1); err == nil {
			t.Errorf("%s embeddings were accepted", name)
		}
	}
	if _, err := NewZeroShot("zs", [][]float32{{1}}, 0); err == nil {
		t.Error("scale 0 was accepted")
	}
	z, _ := NewZeroShot("zs", [][]float32{{1, 0}}, 1)
	for name, in := range map[string]Input{"none": {}, "short": {Acts: []Activation{Vector([]float32{1})}}, "zero": {Acts: []Activation{Vector([]float32{0, 0})}}} {
		if _, err := z.Predict(in); err == nil {
			t.Errorf("%s embedding was accepted", name)
		}
	}
}
