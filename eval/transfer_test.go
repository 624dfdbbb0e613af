package eval

import (
	"math"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/report"
)

// TestTransfers computes a small case by hand.
func TestTransfers(t *testing.T) {
	share := report.Metric{Name: "accuracy", Share: true, HigherIsBetter: true}
	r := &report.Report{Images: make([]report.Image, 2)}
	for _, id := range []string{"s1", "s2", "s3", "weak"} {
		r.Systems = append(r.Systems, report.System{ID: id, Metric: share, Chance: 0.25})
	}
	r.Systems[2].Metric.HigherIsBetter, r.Systems[2].Chance = false, 1 // an error rate
	r.Attacks = []report.Attack{{ID: report.Clean, Name: report.Clean, Kind: "clean", Knowledge: "none"},
		{ID: "a@1/255", Name: "a", Kind: "gradient", Knowledge: "encoder", Eps: "1/255", Cost: report.Cost{Backwards: 80}},
		{ID: "b@1/255", Name: "b", Kind: "gradient", Knowledge: "encoder", Eps: "1/255", Cost: report.Cost{Backwards: 20}},
		{ID: "w@1/255", Name: "w", Kind: "gradient", Knowledge: "system", Eps: "1/255"}}
	for _, c := range []struct {
		system      string
		clean, a, b report.Number
	}{{"s1", 0.75, 0.25, 0.5}, {"s2", 0.85, 0.1, 0.55}, {"s3", 0.2, 0.6, 0.4}, {"weak", 0.3, 0.3, 0}} {
		for id, v := range map[string]report.Number{report.Clean: c.clean, "a@1/255": c.a, "b@1/255": c.b} {
			r.Cells = append(r.Cells, report.Cell{System: c.system, Attack: id, Score: report.Score{Value: v}})
		}
	}
	got, err := Transfers(r, "a")
	if err != nil || len(got) != 2 {
		t.Fatalf("%v %v", got, err)
	}
	// kept under a: 0, 0 (below chance), 0.5; under b: 0.5, 0.5, 0.75
	self, other := got[0], got[1]
	if self.Other != "" || math.Abs(self.Kept-0.5/3) > 1e-12 || self.Gradients != 40 || self.Systems != 3 || self.P != 1 {
		t.Errorf("itself: %+v", self)
	}
	if other.Other != "b" || math.Abs(other.Kept-1.75/3) > 1e-12 || other.Gradients != 10 || other.Wins != 3 || other.Loses != 0 || math.Abs(other.P-0.25) > 1e-12 {
		t.Errorf("b: %+v", other)
	}
	if _, err := Transfers(r, "c"); err == nil {
		t.Error("an attack that is not there")
	}
}
