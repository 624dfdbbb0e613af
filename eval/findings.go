package eval

import (
	"github.com/plumbline-ml/plumbline/eval/report"
)

// alpha is the significance level of a finding, after adjustment for all comparisons of the report.
const alpha = 0.05

// findings tells, for each system that lost score beyond chance, the smallest budget at which it did and
// the attack that did most there; one that knows the system only where no other did. Noise makes no finding: it is the
// control; nor does a system behind a defence that has a trial of its own.
func (a *assembly) findings() []report.Finding {
	var out []report.Finding
	for _, s := range a.report.Systems {
		if a.tried[s.ID] {
			continue
		}
		if at := a.breaks(s); at != nil {
			out = append(out, a.finding(s, *at))
		}
	}
	return out
}

// breaks returns the attack to report for a system, or nil when nothing took score beyond chance.
func (a *assembly) breaks(s report.System) *report.Attack {
	var best *report.Attack
	var worst report.Number
	for i := range a.report.Attacks {
		at := &a.report.Attacks[i]
		if at.Knowledge == "none" || at.Kind == report.Worst {
			continue
		}
		c := a.report.Cell(s.ID, at.ID)
		if c == nil || c.PValue == nil || !(*c.PValue < alpha) || !(c.Drop.Value > 0) {
			continue
		}
		if best != nil && (best.Knowledge == "system") != (at.Knowledge == "system") {
			if best.Knowledge == "system" { // the encoder alone was enough
				best, worst = at, c.Drop.Value
			}
			continue
		}
		if best == nil || at.EpsValue < best.EpsValue || at.EpsValue == best.EpsValue && c.Drop.Value > worst {
			best, worst = at, c.Drop.Value
		}
	}
	return best
}

func (a *assembly) finding(s report.System, at report.Attack) report.Finding {
	clean, c := a.report.Cell(s.ID, report.Clean), a.report.Cell(s.ID, at.ID)
	who := "encoder"
	switch {
	case at.Kind == "black-box":
		who = "query"
	case at.Knowledge == "system":
		who = "system"
	}
	f := report.Finding{ID: who + "/" + s.ID, UseCase: s.Task, System: s.ID, Attack: at.ID, Severity: severity(clean.Score, c.Score),
		Title: report.T("finding."+who+".title", s.Name), Needs: report.T("needs."+who, s.Name, at.Eps),
		Effect: report.T("effect."+s.Task, s.Name, s.Metric.Format(clean.Score.Value), s.Metric.Format(c.Score.Value), s.Metric.FormatInterval(c.Score), at.ID),
		Reduce: reductions(who), Met: a.met(s, at), Tags: report.TagsFor(at.Kind, at.Knowledge)}
	return f
}

// severity is error where more than half of the clean score is lost, warning otherwise.
func severity(clean, attacked report.Score) string {
	if attacked.Value < clean.Value/2 {
		return "error"
	}
	return "warning"
}

func reductions(who string) []report.Text {
	out := []report.Text{report.T("reduce.path")}
	if who == "query" {
		out = append(out, report.T("reduce.queries"))
	}
	if who == "encoder" {
		out = append(out, report.T("reduce.private"))
	}
	return append(out, report.T("reduce.hardening"), report.T("reduce.ensemble"), report.T("reduce.restore"), report.T("reduce.detect"))
}

// met says what the best defence leaves of the system under the worst attack that knows it; without trials,
// what the best defended system of the same task and metric scored under the same attack.
func (a *assembly) met(s report.System, at report.Attack) report.Text {
	if d := a.bestDefence(s, at.Eps); d != nil {
		return report.T("met.trial", d.Name, s.Metric.Format(d.Worst.Value), at.Eps)
	}
	var best *report.System
	var top report.Number
	for i := range a.report.Systems {
		d := &a.report.Systems[i]
		c := a.report.Cell(d.ID, at.ID)
		if d.Relation != "defended" || a.tried[d.ID] || d.Task != s.Task || d.Metric != s.Metric || d.ID == s.ID || c == nil {
			continue
		}
		if v := c.Score.Value; best == nil || v > top {
			best, top = d, v
		}
	}
	if best == nil {
		return report.T("met.none")
	}
	return report.T("met.defence", best.Name, s.Metric.Format(top), s.Metric.Format(a.report.Cell(s.ID, at.ID).Score.Value))
}

// bestDefence is the defence of a system whose worst score is best, or nil.
func (a *assembly) bestDefence(s report.System, eps string) *report.Defence {
	var best *report.Defence
	for i := range a.report.Defences {
		d := &a.report.Defences[i]
		if d.System != s.ID || d.Eps != eps || d.Name == report.Undefended {
			continue
		}
		if best == nil || (d.Worst.Value > best.Worst.Value) == s.Metric.HigherIsBetter && d.Worst.Value != best.Worst.Value {
			best = d
		}
	}
	return best
}
