package eval

import (
	"testing"

	"github.com/plumbline-ml/plumbline/eval/report"
)

// judged is a report with one system: right on 9 of 10 clean images, 6 under prm, 8 under noise.
func judged() *report.Report {
	r := &report.Report{Schema: report.Schema,
		Systems: []report.System{{ID: "line3", Name: "Line 3", Task: "classification", Metric: report.Metric{Name: "accuracy", Share: true, HigherIsBetter: true}}},
		Attacks: []report.Attack{{ID: report.Clean, Name: report.Clean, Kind: "clean"}, {ID: "noise@4/255", Name: "noise", Kind: "noise", Eps: "4/255"},
			{ID: "prm@4/255", Name: "prm", Kind: "gradient", Eps: "4/255"}}}
	right := map[string]int{report.Clean: 9, "noise@4/255": 8, "prm@4/255": 6}
	for i := range 10 {
		im := report.Image{ID: string(rune('a' + i)), SHA256: "0"}
		for _, at := range r.Attacks {
			v := report.Number(0)
			if i < right[at.ID] {
				v = 1
			}
			im.Outcomes = append(im.Outcomes, report.Outcome{Attack: at.ID, Status: "ok", Inside: true, Answers: []report.Answer{{System: "line3", Value: v}}})
		}
		r.Images = append(r.Images, im)
	}
	for _, at := range r.Attacks {
		v := report.Number(right[at.ID]) / 10
		c := report.Cell{System: "line3", Attack: at.ID, Score: report.Score{Value: v, Low: v - .2, High: min(1, v+.1), Level: .95, N: 10}}
		if at.ID != report.Clean {
			c.Drop = &report.Score{Value: .9 - v, Low: 0, High: .9 - v + .15, N: 10}
			c.Success = &report.Score{Value: (.9 - v) / .9, N: 9}
		}
		r.Cells = append(r.Cells, c)
	}
	return r
}

func TestGates(t *testing.T) {
	r := judged()
	same, worse := judged(), judged()
	for i := range worse.Images { // the baseline was right everywhere
		for k := range worse.Images[i].Outcomes {
			worse.Images[i].Outcomes[k].Answers[0].Value = 1
		}
	}
	strange := judged()
	for i := range strange.Images {
		strange.Images[i].SHA256 = "1"
	}
	for _, c := range []struct {
		text     string
		baseline *report.Report
		want     report.Status
		observed float64
	}{
		{"score(system=line3) >= 0.9", nil, report.Passed, .9},
		{"accuracy >= 0.91", nil, report.Failed, .9},
		{"accuracy >= 90 %", nil, report.Passed, .9},
		{"robust_accuracy(system=line3, attack=prm, eps=4/255) >= 0.60", nil, report.Passed, .6},
		{"robust_accuracy(eps=4/255) >= 0.61", nil, report.Failed, .6},
		{"robust_score(attack=noise) >= 0.8", nil, report.Passed, .8},
		{"robust_score(attack=noise) >= 0.8 (interval)", nil, report.Failed, .8},
		{"robust_score(attack=prm, eps=8/255) >= 0.1", nil, report.Unknown, 0},
		{"robust_score(system=line4) >= 0.1", nil, report.Unknown, 0},
		{"drop <= 0.31", nil, report.Passed, .3},
		{"drop <= 0.31 (interval)", nil, report.Failed, .3},
		{"drop(attack=noise) ≤ 10%", nil, report.Passed, .1},
		{"success <= 0.4", nil, report.Passed, 1. / 3},
		{"drop vs baseline <= 0.02", nil, report.Unknown, 0},
		{"drop vs baseline <= 0.02", same, report.Passed, 0},
		{"drop vs baseline <= 0.02 (paired, 95 %)", same, report.Passed, 0},
		{"drop vs baseline <= 0.39", worse, report.Failed, .4},
		{"drop vs baseline(attack=clean) <= 0.1", worse, report.Passed, .1},
		{"drop vs baseline <= 0.4 (paired, 90 %)", worse, report.Failed, .4},
		{"drop vs baseline <= 0.4", strange, report.Unknown, 0},
	} {
		g, err := ParseGate(c.text)
		if err != nil {
			t.Error(err)
			continue
		}
		out, err := judgeGates(r, []Gate{g}, c.baseline)
		if err != nil {
			t.Error(err)
			continue
		}
		if out[0].Status != c.want {
			t.Errorf("%s: %s, want %s (%s)", c.text, out[0].Status, c.want, out[0].Reason)
		}
		if d := float64(out[0].Observed) - c.observed; c.want != report.Unknown && (d > 1e-9 || d < -1e-9) {
			t.Errorf("%s: observed %v, want %v", c.text, out[0].Observed, c.observed)
		}
	}
}

func TestParseGateRefuses(t *testing.T) {
	for _, text := range []string{"", "accuracy", "accuracy > 0.5", "acuracy >= 0.5", "accuracy(line3) >= 0.5", "accuracy(sys=line3) >= 0.5",
		"robust_score(eps=300/255) >= 0.5", "robust_score(eps=abc) >= 0.5", "score(eps=4/255) >= 0.5", "accuracy >= x", "accuracy >= 0.5 (paired, 95 %)",
		"drop vs baseline <= 0.1 (paired, 20 %)", "drop vs baseline >= 0.1", "accuracy >= 0.5 (sometimes)"} {
		if g, err := ParseGate(text); err == nil {
			t.Errorf("%q: accepted as %+v", text, g)
		}
	}
}
