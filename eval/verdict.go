package eval

import (
	"github.com/plumbline-ml/plumbline/eval/report"
)

// verdict says first what a reader in a hurry needs: the gates' result, or without gates the worst that
// was seen.
func verdict(r *report.Report) report.Verdict {
	v := report.Verdict{Status: overall(r.Gates)}
	failed, unknown := count(r.Gates, report.Failed), count(r.Gates, report.Unknown)
	worst := worstCell(r)
	switch {
	case v.Status == report.Failed:
		v.Headline = report.T("verdict.failed", failed, len(r.Gates))
	case v.Status == report.Unknown:
		v.Headline = report.T("verdict.unknown", unknown, len(r.Gates))
	case v.Status == report.Passed:
		v.Headline = report.T("verdict.passed", len(r.Gates))
	case worst == nil:
		v.Headline = report.T("verdict.holds", smallest(len(r.Images)))
	default:
		s, at := r.System(worst.System), r.Attack(worst.Attack)
		clean := r.Cell(s.ID, report.Clean)
		v.Headline = report.T("verdict.breaks", s.Name, at.Name, at.Eps, s.Metric.Format(clean.Score.Value), s.Metric.Format(worst.Score.Value))
	}
	for _, g := range r.Gates {
		if g.Status == report.Failed || g.Status == report.Unknown {
			v.Points = append(v.Points, report.T("point.gate."+string(g.Status), g.Expression))
		}
	}
	if worst != nil {
		v.Points = append(v.Points, points(r, worst)...)
	}
	if n := len(r.Flags); n == 1 {
		v.Points = append(v.Points, report.T("point.flag"))
	} else if n > 1 {
		v.Points = append(v.Points, report.T("point.flags", n))
	}
	return v
}

func smallest(n int) string {
	if d := smallestDrop(n); d <= 1 {
		return share(d)
	}
	return "100 %"
}

func overall(gates []report.Gate) report.Status {
	switch {
	case len(gates) == 0:
		return report.Measured
	case count(gates, report.Failed) > 0:
		return report.Failed
	case count(gates, report.Unknown) > 0:
		return report.Unknown
	}
	return report.Passed
}

func count(gates []report.Gate, s report.Status) int {
	n := 0
	for _, g := range gates {
		if g.Status == s {
			n++
		}
	}
	return n
}

// worstCell is the cell of a single attack that lost the largest part of its clean score beyond chance;
// nil when none did.
func worstCell(r *report.Report) *report.Cell {
	var best *report.Cell
	var most float64
	for i := range r.Cells {
		c := &r.Cells[i]
		at, clean := r.Attack(c.Attack), r.Cell(c.System, report.Clean)
		if c.PValue == nil || !(*c.PValue < alpha) || at.Kind == report.Worst || at.Knowledge == "none" || !(clean.Score.Value > 0) {
			continue
		}
		lost := float64((clean.Score.Value - c.Score.Value) / clean.Score.Value)
		if !(lost > 0) {
			continue
		}
		if at.Knowledge == "system" {
			lost -= 2 // comes after every attack that did not need to know the system
		}
		if best == nil || lost > most {
			best, most = c, lost
		}
	}
	return best
}

// points explains the worst cell: every attack's effect is in the matrix, so only the control and the
// attacker's knowledge are added.
func points(r *report.Report, worst *report.Cell) []report.Text {
	s, at := r.System(worst.System), r.Attack(worst.Attack)
	clean := r.Cell(s.ID, report.Clean)
	out := []report.Text{report.T("point.system", s.Name, s.Metric.Format(clean.Score.Value), s.Metric.Format(worst.Score.Value),
		s.Metric.FormatInterval(worst.Score), at.Name, at.Eps, len(r.Images))}
	for _, n := range r.At(at.Eps) {
		if n.Kind != "noise" {
			continue
		}
		if c := r.Cell(s.ID, n.ID); c != nil && c.Score.Value > worst.Score.Value {
			out = append(out, report.T("point.noise", s.Name, s.Metric.Format(c.Score.Value)))
		}
	}
	if at.Knowledge == "encoder" {
		out = append(out, report.T("point.knowledge"))
	}
	return out
}
