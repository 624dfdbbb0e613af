package eval

import (
	"context"
	"math"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/stat"
)

// TestTransfersResampled compares with a bootstrap of the values that the report holds for each image.
func TestTransfersResampled(t *testing.T) {
	j, err := Run(context.Background(), plan(t, 12), t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	r, _, err := Assemble(nil, nil, j)
	if err != nil {
		t.Fatal(err)
	}
	system := r.Systems[0]
	values := func(attack string) []float64 {
		var v []float64
		for _, im := range r.Images {
			for _, o := range im.Outcomes {
				if o.Attack == attack {
					v = append(v, float64(o.Answers[0].Value))
				}
			}
		}
		return v
	}
	kept := func(attack string) stat.Statistic {
		clean, under := stat.Mean(values(report.Clean)), stat.Mean(values(attack))
		return func(images []int) float64 {
			c := float64(system.Chance)
			return max((under(images)-c)/(clean(images)-c), 0)
		}
	}
	name := r.Attacks[2].Name
	rows, err := Transfers(r, name, j)
	if err != nil {
		t.Fatal(err)
	}
	var want []stat.Difference
	var p []float64
	for _, eps := range r.Budgets() {
		for _, other := range []int{1, 3} {
			d, err := stat.Bootstrap{Level: level, Resamples: resamples, Seed: r.Claim.Seed}.Paired(len(r.Images), kept(name+"@"+eps), kept(r.Attacks[other].Name+"@"+eps))
			if err != nil {
				t.Fatal(err)
			}
			want, p = append(want, d), append(p, d.P)
		}
	}
	p = stat.Holm(p)
	differ := 0
	for _, row := range rows {
		if row.Other == "" {
			if row.Difference != nil {
				t.Errorf("%+v: compared with itself", row)
			}
			continue
		}
		w := want[0]
		if got := row.Difference; math.Abs(got.Value-w.Value) > 1e-12 || math.Abs(got.Interval.Lo-w.Interval.Lo) > 1e-9 || math.Abs(got.Interval.Hi-w.Interval.Hi) > 1e-9 || math.Abs(got.P-p[0]) > 1e-12 {
			t.Errorf("%s against %s at %s: %+v, want %+v with p = %v", row.Attack, row.Other, row.Eps, *got, w, p[0])
		}
		if w.Value != 0 {
			differ++
		}
		want, p = want[1:], p[1:]
	}
	if len(want) != 0 || differ == 0 {
		t.Errorf("%d comparisons are missing, %d differ from zero", len(want), differ)
	}
	r.Claim.ConfigHash = "another"
	if _, err := Transfers(r, name, j); err == nil {
		t.Error("the journal of another run is taken")
	}
}
