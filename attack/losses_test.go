package attack

import (
	"math"
	"testing"
)

// TestLogitLosses checks the losses against values worked out by hand.
func TestLogitLosses(t *testing.T) {
	z := []float64{3, 1, -1, 0.5}
	for _, c := range []struct {
		name      string
		y, target int
		want      float64
	}{
		{"ce", 0, 0, math.Log(1 + math.Exp(-2) + math.Exp(-4) + math.Exp(-2.5))},
		{"cw", 0, 0, -2}, {"cw", 2, 0, 4},
		{"dlr", 0, 0, -2 / 2.5}, {"dlr", 1, 0, 2 / 2.5},
		{"dlr-t", 0, 2, -4 / (3 - (0.5-1)/2)}, {"dlr-t", 0, 1, -2 / (3 - (0.5-1)/2)},
	} {
		l := &logitLoss{classes: 4, sorted: make([]int, 4)}
		f := map[string]func([]float64, []float64, int, int) float64{"ce": l.crossEntropy, "cw": l.margin, "dlr": l.ratio, "dlr-t": l.targetedRatio}[c.name]
		if got := f(z, make([]float64, 4), c.y, c.target); math.Abs(got-c.want) > 1e-14 {
			t.Errorf("%s(y=%d,t=%d) = %v, want %v", c.name, c.y, c.target, got, c.want)
		}
	}
	l := &logitLoss{classes: 3, sorted: make([]int, 3)}
	for _, f := range []func([]float64, []float64, int, int) float64{l.crossEntropy, l.margin, l.ratio, l.targetedRatio} {
		d := make([]float64, 3)
		if v := f([]float64{2, 2, 2}, d, 1, 0); math.IsNaN(v) || math.IsInf(v, 0) {
			t.Errorf("equal logits give %v", v)
		}
		for _, g := range d {
			if math.IsNaN(g) || math.IsInf(g, 0) {
				t.Errorf("equal logits give the gradient %v", d)
			}
		}
	}
}

// TestSinkhorn checks marginals, and the value against a problem solved by hand: two points each, where
// with little regularisation everything stays where it costs nothing.
func TestSinkhorn(t *testing.T) {
	cost := []float64{0, 1, 1, 0}
	plan, value := sinkhorn(cost, []float64{0.5, 0.5}, []float64{0.5, 0.5}, 0.01)
	if math.Abs(plan[0]-0.5) > 1e-9 || math.Abs(plan[1]) > 1e-9 || math.Abs(value-0.01*(math.Log(0.5)-1)) > 1e-9 {
		t.Errorf("plan %v, value %v", plan, value)
	}
	a, b := []float64{0.2, 0.5, 0.3}, []float64{0.6, 0.4}
	cost = []float64{0.3, 0.7, 0.1, 0.9, 0.5, 0.2}
	plan, v0 := sinkhorn(cost, a, b, 0.1)
	for i := range a {
		if s := plan[2*i] + plan[2*i+1]; math.Abs(s-a[i]) > 1e-9 {
			t.Errorf("row %d sums to %v", i, s)
		}
	}
	for k := range cost {
		c := append([]float64(nil), cost...)
		c[k] += 1e-5
		_, v1 := sinkhorn(c, a, b, 0.1)
		if d := (v1 - v0) / 1e-5; math.Abs(d-plan[k]) > 1e-4 {
			t.Errorf("derivative %v, plan %v", d, plan[k])
		}
	}
}

func TestKMeans(t *testing.T) {
	points := [][]float32{{0, 0}, {5, 5}, {0, 0.2}, {5, 5.2}, {0.2, 0}, {9, 0}}
	centres, of := kmeans(points, 3, stream(1, nil, 0, 0, "", 0))
	if len(centres) != 3 || of[0] != of[2] || of[0] != of[4] || of[1] != of[3] || of[0] == of[1] || of[5] == of[0] || of[5] == of[1] {
		t.Errorf("clusters %v around %v", of, centres)
	}
	same := [][]float32{{1, 1}, {1, 1}, {1, 1}}
	if centres, of := kmeans(same, 2, stream(1, nil, 0, 0, "", 0)); len(centres) != 1 || of[2] != 0 {
		t.Errorf("equal points: clusters %v around %v", of, centres)
	}
}
