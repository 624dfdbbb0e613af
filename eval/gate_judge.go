package eval

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/stat"
)

// judgeGates decides every gate. One that names a system or attack which the report does not have, or
// needs a baseline that is not there, is undecided, which is not passed.
func judgeGates(r *report.Report, gates []Gate, baseline *report.Report) ([]report.Gate, error) {
	var out []report.Gate
	for _, g := range gates {
		var verdict report.Gate
		var err error
		if g.quantity == "baseline" {
			verdict, err = judgeBaseline(r, g, baseline)
		} else {
			verdict = judgeCells(r, g)
		}
		if err != nil {
			return nil, err
		}
		verdict.Expression, verdict.Bound = g.Text, report.Number(g.bound)
		out = append(out, verdict)
	}
	return out, nil
}

// judgeCells decides a gate on this report's own cells. The cell that comes closest to failing, or fails
// most, is the one reported.
func judgeCells(r *report.Report, g Gate) report.Gate {
	v := report.Gate{Status: report.Unknown, Observed: report.Number(math.NaN()), Reason: report.T("gate.no-cell", orAll(g.system), orAll(g.attack))}
	worst := math.Inf(-1) // how far beyond the bound
	for i := range r.Cells {
		c := &r.Cells[i]
		s, at := r.System(c.System), r.Attack(c.Attack)
		score := g.pick(c)
		if score == nil || !g.selects(s, at) {
			continue
		}
		value := g.deciding(*score)
		if math.IsNaN(value) {
			return report.Gate{Status: report.Unknown, Observed: score.Value, Reason: report.T("gate.not-finite")}
		}
		excess := value - g.bound
		if g.atLeast {
			excess = -excess
		}
		if excess <= worst {
			continue
		}
		worst = excess
		v = report.Gate{Status: report.Passed, Observed: score.Value, Reason: g.reason(s, at, *score)}
		if !g.holds(value) {
			v.Status = report.Failed
		}
	}
	return v
}

// pick returns the quantity that the gate is about, nil where the cell has none.
func (g Gate) pick(c *report.Cell) *report.Score {
	clean := c.Attack == report.Clean
	switch {
	case g.quantity == "score" && clean, g.quantity == "robust_score" && !clean:
		return &c.Score
	case g.quantity == "drop" && !clean:
		return c.Drop
	case g.quantity == "success" && !clean:
		return c.Success
	}
	return nil
}

func (g Gate) selects(s *report.System, at *report.Attack) bool {
	return (g.system == "" || g.system == s.ID || g.system == s.Name) &&
		(g.attack == "" || g.attack == at.Name || g.attack == at.ID) && (g.eps == "" || g.eps == at.Eps || at.ID == report.Clean)
}

// deciding is the estimate, or the bad end of its interval.
func (g Gate) deciding(s report.Score) float64 {
	switch {
	case !g.interval:
		return float64(s.Value)
	case g.atLeast:
		return float64(s.Low)
	}
	return float64(s.High)
}

func (g Gate) reason(s *report.System, at *report.Attack, v report.Score) report.Text {
	where := s.ID + ", " + at.ID + ": "
	bound := s.Metric.Format(report.Number(g.bound))
	if g.interval {
		return report.T("gate.interval", where+s.Metric.Format(v.Value), s.Metric.FormatInterval(v), g.sign(), bound)
	}
	return report.T("gate.compared", where+s.Metric.Format(v.Value), g.sign(), bound)
}

func orAll(name string) string {
	if name == "" {
		return "*"
	}
	return name
}

// judgeBaseline decides a gate against a committed report. The largest drop over all selected systems
// and attacks is reported.
func judgeBaseline(r *report.Report, g Gate, baseline *report.Report) (report.Gate, error) {
	undecided := func(code string, args ...any) report.Gate {
		return report.Gate{Status: report.Unknown, Observed: report.Number(math.NaN()), Reason: report.T(code, args...)}
	}
	if baseline == nil {
		return undecided("gate.no-baseline"), nil
	}
	changes, err := Changes(baseline, r, g.level)
	if err != nil {
		return report.Gate{}, err
	}
	v := undecided("gate.no-cell", orAll(g.system), orAll(g.attack))
	worst := math.Inf(-1)
	for _, c := range changes {
		s, at := r.System(c.System), r.Attack(c.Attack)
		if !g.selects(s, at) {
			continue
		}
		if c.Drop.N == 0 {
			return undecided("gate.no-images"), nil
		}
		value := g.deciding(c.Drop)
		if math.IsNaN(value) {
			return undecided("gate.not-finite"), nil
		}
		if value <= worst {
			continue
		}
		worst = value
		v = report.Gate{Status: report.Passed, Observed: c.Drop.Value, Reason: report.T("gate.baseline",
			c.System+", "+c.Attack+": "+s.Metric.Format(c.Drop.Value), s.Metric.Format(c.Drop.High), s.Metric.Format(report.Number(g.bound)), c.Drop.N)}
		if !g.holds(value) {
			v.Status = report.Failed
		}
	}
	return v, nil
}

// Change is how one cell differs between two reports, paired on the images that both hold.
type Change struct {
	System, Attack string
	Before, After  report.Number // over the shared images
	Drop           report.Score  // before minus after; N is the number of shared images
	PValue         report.Number // two-sided; not adjusted
}

// Changes compares the image scores of two reports cell by cell, on images of the same name and pixels.
// Cells of one report alone, and aggregates, are left out. For metrics that are no mean over images
// (AUROC, mIoU, AP) it compares the images' own scores.
func Changes(before, after *report.Report, confidence float64) ([]Change, error) {
	old := map[string]*report.Image{}
	for i := range before.Images {
		old[before.Images[i].ID+" "+before.Images[i].SHA256] = &before.Images[i]
	}
	var out []Change
	for _, s := range after.Systems {
		for _, at := range after.Attacks {
			if at.Kind == report.Worst || before.Cell(s.ID, at.ID) == nil || after.Cell(s.ID, at.ID) == nil {
				continue
			}
			c, err := change(s, at, old, after, confidence)
			if err != nil {
				return nil, err
			}
			out = append(out, c)
		}
	}
	return out, nil
}

func change(s report.System, at report.Attack, old map[string]*report.Image, after *report.Report, confidence float64) (Change, error) {
	c := Change{System: s.ID, Attack: at.ID}
	var x, y []float64
	var wasRight, isRight []bool
	binary := true
	for i := range after.Images {
		im := &after.Images[i]
		b := old[im.ID+" "+im.SHA256]
		if b == nil {
			continue
		}
		bo, ao := b.Shown(at.ID, s.ID), im.Shown(at.ID, s.ID)
		if bo == nil || ao == nil || bo.Answer(s.ID) == nil || ao.Answer(s.ID) == nil {
			continue
		}
		if r := (Response{Reason: ao.Answer(s.ID).Reason}); !r.judged() {
			continue
		}
		u, v := float64(bo.Answer(s.ID).Value), float64(ao.Answer(s.ID).Value)
		x, y = append(x, u), append(y, v)
		wasRight, isRight = append(wasRight, u == 1), append(isRight, v == 1)
		binary = binary && (u == 0 || u == 1) && (v == 0 || v == 1)
	}
	if len(x) == 0 {
		return c, nil
	}
	d, err := stat.Bootstrap{Level: confidence, Resamples: resamples, Seed: after.Claim.Seed}.Paired(len(x), stat.Mean(x), stat.Mean(y))
	if err != nil {
		return c, fmt.Errorf("eval: %s under %s: %w", s.ID, at.ID, err)
	}
	c.Drop, c.PValue = fromEstimate(d.Estimate), report.Number(d.P)
	c.Before, c.After = report.Number(mean(x)), report.Number(mean(y))
	if binary {
		m, err := stat.Compare(wasRight, isRight)
		if err != nil {
			return c, err
		}
		c.PValue = report.Number(m.McNemar())
	}
	return c, nil
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
