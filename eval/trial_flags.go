package eval

import (
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/eval/report"
)

// verdict says in a sentence what the row comes to. The undefended row has none.
func (t *trialAssembly) verdict(s int, d *report.Defence) report.Text {
	m := t.report.Systems[s].Metric
	worst := m.Format(d.Worst.Value)
	switch {
	case d.Buys == nil:
		return report.T("defence.undefended", worst)
	case t.head.Guard == t.head.Defence && d.Role(report.RoleScore) != nil:
		return t.guardVerdict(s, d)
	case d.Buys.Low > 0:
		return t.bought(m, d)
	}
	if plain := d.Role(report.RolePlain); plain != nil && weaker(m, *plain, d.Worst) {
		return report.T("defence.falls", m.Format(plain.Value), worst)
	}
	return report.T("defence.nothing", worst)
}

// bought says what a defence keeps beyond what would have been left without it.
func (t *trialAssembly) bought(m report.Metric, d *report.Defence) report.Text {
	without := m.Format(d.Worst.Value - d.Buys.Value)
	if plain := d.Role(report.RolePlain); plain != nil && weaker(m, *plain, d.Worst) {
		return report.T("defence.buys-less", m.Format(d.Worst.Value), without, m.Format(plain.Value))
	}
	return report.T("defence.buys", m.Format(d.Worst.Value), without)
}

// guardVerdict compares what a guard keeps from attacks that read scores with what it keeps from the others.
func (t *trialAssembly) guardVerdict(s int, d *report.Defence) report.Text {
	m := t.report.Systems[s].Metric
	score, worst := d.Role(report.RoleScore), m.Format(d.Worst.Value)
	if d.Buys.Low > 0 {
		return t.bought(m, d)
	}
	for _, u := range t.whole.report.Defences {
		if u.Name != report.Undefended || u.System != d.System || u.Eps != d.Eps {
			continue
		}
		if open := u.Role(report.RoleScore); open != nil && weaker(m, *score, *open) {
			return report.T("defence.hides-scores", m.Format(score.Value), m.Format(open.Value), worst)
		}
	}
	return report.T("defence.hides-nothing", m.Format(score.Value), worst)
}

// doubts are the flags of one row.
func (t *trialAssembly) doubts(s int, d *report.Defence) []report.Flag {
	var out []report.Flag
	flag := func(code string, args ...any) {
		out = append(out, report.Flag{Code: code, System: d.System, Text: report.T("flag."+code, append([]any{d.Name}, args...)...)})
	}
	if !t.head.Repeats && !t.head.Random {
		flag("hidden-randomness", t.head.Draws)
	}
	m := t.report.Systems[s].Metric
	known := t.best(m, d.Role(report.RoleAdaptive), d.Role(report.RoleWhiteBox))
	if known == nil {
		flag("not-adapted")
	} else {
		for _, role := range []string{report.RolePlain, report.RoleTransfer, report.RoleScore, report.RoleDecision} {
			if other := d.Role(role); other != nil && weaker(m, *known, *other) {
				flag("adaptive-weaker", role, m.Format(other.Value), m.Format(known.Value))
			}
		}
	}
	for _, name := range t.misled(s, d) {
		flag("own-gradient-weaker", name)
	}
	return append(out, t.ofAttacks(d)...)
}

// misled names the attacks that do clearly less with the defence's own gradient than with the identity in its
// place: that gradient leads away.
func (t *trialAssembly) misled(s int, d *report.Defence) []string {
	rate := map[string]*report.Score{}
	for _, at := range d.Attacks {
		if score, err := t.score(s, t.rows[at.ID][s]); err == nil {
			rate[at.Name] = &score
		}
	}
	var out []string
	for _, at := range d.Attacks {
		name, own := strings.CutSuffix(at.Name, " adaptive")
		if identity := rate[name+" bpda"]; own && identity != nil && weaker(t.report.Systems[s].Metric, *rate[at.Name], *identity) {
			out = append(out, name)
		}
	}
	return out
}

// best is the score that harms most.
func (t *trialAssembly) best(m report.Metric, scores ...*report.Score) *report.Score {
	var out *report.Score
	for _, s := range scores {
		if s != nil && (out == nil || (s.Value < out.Value) == m.HigherIsBetter) {
			out = s
		}
	}
	return out
}

// ofAttacks are the doubts about single attacks that follow the defence's gradients: failures, zero gradients,
// and gradients that do no better than noise.
func (t *trialAssembly) ofAttacks(d *report.Defence) []report.Flag {
	var out []report.Flag
	for _, f := range slices.Concat(t.failures(), t.asGoodAsNoise()) {
		k := slices.IndexFunc(d.Attacks, func(at report.Attack) bool { return at.ID == f.Attack })
		if k < 0 || d.Attacks[k].Role != report.RoleAdaptive && d.Attacks[k].Role != report.RoleWhiteBox {
			continue
		}
		f.System = d.System
		out = append(out, f)
	}
	return out
}
