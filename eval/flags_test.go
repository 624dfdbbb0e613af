package eval

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// sound is an evaluation of one system on 400 images that raises no doubt: noise does nothing, attacks on the
// encoder some harm, more steps and more budget more, and a white-box attack most.
func sound() *assembly {
	r := &report.Report{
		Claim:   report.Claim{Preprocess: encoder.Preprocess{Source: "the file"}},
		Systems: []report.System{{ID: "line", Name: "Line", Task: "classification", Relation: "same-weights", Metric: shareOf("accuracy"), Chance: 0.2}},
		Attacks: []report.Attack{{ID: report.Clean, Kind: "clean"}},
	}
	a := &assembly{journal: newJournal(header{}), report: r, scorers: []scorer{classification{}}, rows: map[string][][]Response{}, float: map[string][][]Response{}}
	for _, at := range []struct {
		name, kind, knowledge string
		steps                 string
		eps                   int
		score, drift          float64
	}{
		{"noise", "noise", "none", "", 8, 0.95, 0.99},
		{"prm(steps=20)", "gradient", "encoder", "20", 8, 0.5, 0.4},
		{"prm", "gradient", "encoder", "40", 8, 0.4, 0.3},
		{"prm", "gradient", "encoder", "40", 16, 0.2, 0.1},
		{"square", "black-box", "system", "", 8, 0.3, 0.8},
		{"white-box", "gradient", "system", "20", 8, 0.1, 0.7},
	} {
		eps := report.Number(float64(at.eps) / 255)
		id := at.name + "@" + string(rune('a'+at.eps))
		r.Attacks = append(r.Attacks, report.Attack{ID: id, Name: at.name, Kind: at.kind, Knowledge: at.knowledge, Eps: string(rune('a' + at.eps)),
			EpsValue: eps, Expression: at.kind + at.knowledge + "(steps=" + at.steps + ",seed=1)"})
		a.rows[id], a.float[id] = [][]Response{nil}, [][]Response{nil}
		r.Cells = append(r.Cells, cell(id, at.score))
		for i := range 400 {
			if i >= len(r.Images) {
				r.Images = append(r.Images, report.Image{ID: string(rune('A' + i)), Width: 10, Height: 10})
			}
			r.Images[i].Outcomes = append(r.Images[i].Outcomes, report.Outcome{Attack: id, Status: "ok", Inside: true,
				Linf: report.Number(at.eps), L2: report.Number(float64(at.eps) / 255 * 12), Layers: []report.Number{1, report.Number(at.drift)}})
			a.rows[id][0], a.float[id][0] = append(a.rows[id][0], Response{Value: 0}), append(a.float[id][0], Response{Value: 0})
		}
	}
	r.Cells = append(r.Cells, cell(report.Clean, 0.95))
	a.rows[report.Clean] = [][]Response{make([]Response, 400)}
	for i := range 400 {
		a.rows[report.Clean][0][i].Value = 1
	}
	return a
}

func cell(attack string, score float64) report.Cell {
	v := report.Number(score)
	return report.Cell{System: "line", Attack: attack, Score: report.Score{Value: v, Low: v - 0.05, High: v + 0.05, N: 400}}
}

// on changes the first n outcomes of an attack.
func (a *assembly) on(attack string, n int, change func(*report.Outcome)) {
	for i := range n {
		change(a.report.Images[i].Outcome(attack))
	}
}

func (a *assembly) set(attack string, score float64) {
	a.report.Cell("line", attack).Score = cell(attack, score).Score
}

// TestFlags gives the evaluation one defect at a time and wants its flag and no other.
func TestFlags(t *testing.T) {
	if got := sound().flags(); len(got) > 0 {
		t.Fatalf("a sound evaluation raises %v", got[0])
	}
	const noise, prm20, prm, prm16, square, white = "noise@i", "prm(steps=20)@i", "prm@i", "prm@q", "square@i", "white-box@i"
	for _, c := range []struct {
		code, attack string
		harm         func(a *assembly)
		images       int
	}{
		{"few-images", "", func(a *assembly) { a.report.Images = a.report.Images[:20] }, 0},
		{"skipped", "", func(a *assembly) { a.report.Claim.Data.Skipped = []report.Skipped{{File: "x"}} }, 1},
		{"weak-clean", "", func(a *assembly) { a.report.Systems[0].Chance = 0.92 }, 0},
		{"outside", prm, func(a *assembly) { a.on(prm, 3, func(o *report.Outcome) { o.Inside = false }) }, 3},
		{"failed", prm, func(a *assembly) { a.on(prm, 2, func(o *report.Outcome) { o.Status = "failed" }) }, 2},
		{"not-finite", prm, func(a *assembly) { a.on(prm, 2, func(o *report.Outcome) { o.Status = "non-finite" }) }, 2},
		{"zero-gradient", prm, func(a *assembly) {
			a.on(prm, 5, func(o *report.Outcome) { o.Notes = []string{"the gradient is exactly zero at step 0"} })
		}, 5},
		{"masked-gradient", prm, func(a *assembly) { a.on(prm, 400, func(o *report.Outcome) { o.Layers[1] = 0.995 }) }, 0},
		{"noise-stronger", prm20, func(a *assembly) { a.set(noise, 0.45) }, 0},
		{"more-steps-weaker", prm, func(a *assembly) { a.set(prm, 0.6) }, 0},
		{"larger-eps-weaker", prm16, func(a *assembly) { a.set(prm16, 0.6) }, 0},
		{"black-box-stronger", white, func(a *assembly) { a.set(square, 0) }, 0},
		{"transfer-stronger", white, func(a *assembly) { a.set(prm, 0); a.set(prm16, 0) }, 0},
		{"saturated", prm, func(a *assembly) {
			a.on(prm, 400, func(o *report.Outcome) { o.L2 = report.Number(8. / 255 * math.Sqrt(300)) })
		}, 0},
		{"float-only", prm, func(a *assembly) {
			for i := range 30 {
				a.rows[prm][0][i].Value = 1
			}
		}, 30},
		{"preprocessing", "", func(a *assembly) { a.report.Claim.Preprocess.Source = "CLIP default" }, 0},
		{"preprocessing-mismatch", "", func(a *assembly) { a.report.Systems[0].Preprocess = &encoder.Preprocess{} }, 0},
		{"defence-not-adapted", "", func(a *assembly) {
			a.report.Systems[0].Relation = "defended"
		}, 0},
	} {
		a := sound()
		c.harm(a)
		got := a.flags()
		if len(got) != 1 || got[0].Code != c.code || got[0].Attack != c.attack || len(got[0].Images) != c.images {
			t.Errorf("%s on %q: raised %d flags: %+v", c.code, c.attack, len(got), got)
			continue
		}
		for _, l := range report.Languages {
			if text := got[0].Text.In(l); strings.HasPrefix(text, "flag.") || strings.Contains(text, "{") {
				t.Errorf("%s in %s: %q", c.code, l, text)
			}
		}
	}
}

// TestFlagsNameSystems lists the systems of one flag together.
func TestFlagsNameSystems(t *testing.T) {
	if got := someOf([]string{"A", "B", "C", "D", "E"}); got != "A, B, C, … (+2)" {
		t.Error(got)
	}
	a := sound()
	second := a.report.Systems[0]
	second.ID, second.Name = "other", "Other"
	a.report.Systems = append(a.report.Systems, second)
	a.scorers = append(a.scorers, classification{})
	for _, c := range slices.Clone(a.report.Cells) {
		c.System = "other"
		a.report.Cells = append(a.report.Cells, c)
	}
	for _, id := range []string{"line", "other"} {
		a.report.Cell(id, "prm@q").Score.Value = 0.7
	}
	flags := a.largerEpsWeaker()
	if len(flags) != 1 || !slices.Equal(flags[0].Systems, []string{"line", "other"}) || !strings.Contains(flags[0].Text.String(), "Line, Other") {
		t.Errorf("%+v", flags)
	}
}

// TestPreprocessingMismatch compares how a group reads images with the attacked encoder's way.
func TestPreprocessingMismatch(t *testing.T) {
	p := plan(t, 3)
	if s := p.systems()[0]; s.Preprocess != nil {
		t.Errorf("the attacked encoder differs from itself: %+v", s.Preprocess)
	}
	a, b := encoder.CLIPPreprocess(64), encoder.CLIPPreprocess(64)
	a.Filter, a.Source = "", "elsewhere"
	if differently(a, b) != nil {
		t.Error("the default filter and another source count as a difference")
	}
	if b.Mean[0] += 0.01; differently(a, b) == nil {
		t.Error("another mean was not seen")
	}
}
