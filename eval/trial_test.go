package eval

import (
	"bytes"
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/defensetest"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// trialPlan is the small plan at one budget with trials of the countermeasures, the undefended encoder first.
func trialPlan(t testing.TB, images int, a Adversity, list ...Countermeasure) *Plan {
	t.Helper()
	p := plan(t, images)
	p.Attempts = p.Attempts[3:] // ε = 16/255
	g := p.Groups[0].(*headGroup)
	systems := []HeadSystem{{Head: g.heads[0], Title: "Zero-shot"}}
	for _, c := range append([]Countermeasure{Undefended()}, list...) {
		trial, err := a.Trial(context.Background(), p, c, systems)
		if err != nil {
			t.Fatal(c.Name, err)
		}
		p.Trials = append(p.Trials, trial)
	}
	return p
}

func countermeasure(t testing.TB, text string) Countermeasure {
	t.Helper()
	c, err := ParseCountermeasure(text, defense.Resources{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The default evaluation breaks every defence that does not defend, and raises the flags that belong to it.
func TestBrokenDefencesAreBroken(t *testing.T) {
	var list []Countermeasure
	for _, b := range defensetest.BrokenDefenses() {
		list = append(list, Countermeasure{Name: b.String(), Encoder: b})
	}
	r, _ := assembled(t, finish(t, trialPlan(t, 6, Adversity{}, list...), t.TempDir(), false))
	if len(r.Defences) != 1+len(list) {
		t.Fatalf("%d rows for %d defences", len(r.Defences), len(list))
	}
	flags := map[string]string{"blur": "", "quantise": "zero-gradient", "masked-gradient": "own-gradient-weaker", "shattered-gradient": "zero-gradient",
		"random-wrapper": "hidden-randomness", "no-gradient": "failed"}
	for _, d := range r.Defences[1:] {
		if strings.HasPrefix(d.Verdict.Code, "defence.buys") || d.Worst.Value > 0.2 {
			t.Errorf("%s: %v of the answers are left: %s", d.Name, d.Worst.Value, d.Verdict)
		}
		want, known := flags[d.Name]
		if !known || want != "" && !slices.ContainsFunc(d.Flags, func(f report.Flag) bool { return f.Code == want }) {
			t.Errorf("%s: no flag %q among %v", d.Name, want, d.Flags)
		}
		for _, role := range []string{report.RolePlain, report.RoleAdaptive, report.RoleWhiteBox, report.RoleScore, report.RoleDecision} {
			if s := d.Role(role); s == nil || s.Value < d.Worst.Value {
				t.Errorf("%s: %s is %v, the worst %v", d.Name, role, s, d.Worst.Value)
			}
		}
	}
	if first := r.Defences[0]; first.Name != report.Undefended || len(first.Flags) > 0 {
		t.Errorf("the undefended row is %s with flags %v", first.Name, first.Flags)
	}
}

// quickly attacks as little as is enough to compare two runs.
var quickly = Adversity{Steps: 4, RandomSteps: 3, EOT: 2, Draws: 2, Score: []string{"square(queries=10)"}, Decision: []string{"rays(queries=20)"}, Seed: 5}

// Interruptions, shards and workers change nothing about trials either.
func TestTrialsGiveTheSameResult(t *testing.T) {
	p := trialPlan(t, 5, quickly, countermeasure(t, "jpeg(75)"), countermeasure(t, "noise(8/255)+softmax+round(1)"))
	_, want := assembled(t, finish(t, p, t.TempDir(), false))
	for _, after := range []int{3, 9, 25} {
		dir := t.TempDir()
		interrupt(t, p, dir, after)
		if after == 25 {
			checkUnfinished(t, dir)
		}
		finish(t, p, dir, true)
		read, err := ReadJournal(filepath.Join(dir, JournalName))
		if err != nil {
			t.Fatal(err)
		}
		if _, got := assembled(t, read); !bytes.Equal(got, want) {
			t.Errorf("interrupted after %d steps and resumed: another report", after)
		}
	}
	var parts []*Journal
	for i := 1; i <= 2; i++ {
		q := *p
		q.Shard, q.Shards, q.Workers = i, 2, i
		parts = append(parts, finish(t, &q, t.TempDir(), false))
	}
	if _, got := assembled(t, parts[1], parts[0]); !bytes.Equal(got, want) {
		t.Error("two shards joined give another report")
	}
	if _, _, err := Assemble(nil, nil, parts[0]); err != nil {
		t.Errorf("one shard alone: %v", err)
	}
}

// checkUnfinished reads an interrupted run whose own attacks are done: the trials that are done have rows, the others
// are named.
func checkUnfinished(t *testing.T, dir string) {
	t.Helper()
	read, err := ReadJournal(filepath.Join(dir, JournalName))
	if err != nil {
		t.Fatal(err)
	}
	r, _ := assembled(t, read)
	named := slices.ContainsFunc(r.NotTested, func(g report.Text) bool { return g.Code == "gap.unfinished" })
	if n := len(r.Defences); n == 0 || n == 3 || !named {
		t.Errorf("%d rows of 3, the others named: %v", n, named)
	}
}

// The pictures of a trial are inside the budget, and a row's worst is that of its files.
func TestTrialRow(t *testing.T) {
	p := trialPlan(t, 5, quickly, countermeasure(t, "noise(8/255)"))
	steps := 0
	p.Progress = func(g Progress) {
		if steps++; g.Done > g.Total {
			t.Errorf("%d of %d pairs done", g.Done, g.Total)
		}
	}
	j := finish(t, p, t.TempDir(), false)
	r, run, err := Assemble(nil, nil, j)
	if err != nil {
		t.Fatal(err)
	}
	trial := j.trials[1]
	d := r.Defences[1]
	right := 0
	for i := range 5 {
		all := true
		for _, at := range trial.head.Attacks[1:] {
			e := trial.entries[key{i, at.ID, ""}]
			if !e.Outcome.Inside || len(e.Responses) != 2 {
				t.Fatalf("image %d under %s: inside %v, %d responses", i, at.ID, e.Outcome.Inside, len(e.Responses))
			}
			for _, answer := range e.Responses {
				all = all && answer.Value == 1
			}
		}
		if all {
			right++
		}
	}
	if float64(d.Worst.Value)*5 != float64(right) || d.Draws != 2 || d.Buys == nil {
		t.Errorf("%+v, but %d of 5 images are right under every attack and draw", d, right)
	}
	if l := run.Latency["noise(8/255)"]; !(l.Undefended > 0) {
		t.Errorf("latency %+v", l)
	}
}

func TestParseCountermeasure(t *testing.T) {
	for text, want := range map[string]string{"jpeg(75)": "jpeg(75)|", "round(2)": "none|round(2)", "noise": "noise(4/255)|",
		"jpeg(75)+noise+softmax+noise(0.1)": "jpeg(75)+noise(4/255)|softmax+noise(0.1)", "tv+round": "tv(0.1,30)|round(2)"} {
		c, err := ParseCountermeasure(text, defense.Resources{})
		if err != nil {
			t.Error(err)
			continue
		}
		g := ""
		if c.Guard != nil {
			g = c.Guard.String()
		}
		if got := c.Encoder.String() + "|" + g; got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "armour", "round(2)+jpeg(75)", "jpeg(1000)"} {
		if c, err := ParseCountermeasure(text, defense.Resources{}); err == nil {
			t.Errorf("%q gives %v", text, c)
		}
	}
}

// A guarded classifier shows the label that the scores had before, whatever rounding makes of them.
func TestGuardedKeepsTheLabel(t *testing.T) {
	p := plan(t, 12)
	g := p.Groups[0].(*headGroup)
	own := firstClassifier([]HeadSystem{{Head: g.heads[0]}}, p.Data)
	c := guarded{own, countermeasure(t, "round(0)").Guard, 1}
	for i := range 12 {
		s, err := p.Data.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		acts, err := encoder.Activations(t.Context(), p.Encoder, []*tensor.Dense{s.Image}, own.Taps()...)
		if err != nil {
			t.Fatal(err)
		}
		open, err := own.Logits(nil, acts)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := c.Logits([]float64{7}, acts)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range shown[1:] {
			if math.Abs(v-math.Round(open[k])) > 1e-9 {
				t.Errorf("score %g is shown as %g", open[k], v)
			}
		}
		if most(open) != most(shown[1:]) {
			t.Errorf("image %d: %v is shown as %v", i, open, shown[1:])
		}
	}
}

func most(row []float64) int { return slices.Index(row, slices.Max(row)) }
