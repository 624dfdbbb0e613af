package eval

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/stat"
)

const (
	level     = 0.95
	resamples = 2000 // of a bootstrap; enough for a 95 % interval to within its own noise of about 1 % of its width
)

// scores fills the cells, the worst case per image, and the comparisons.
func (a *assembly) scores() error {
	a.pvalues, a.bounds = map[string][]*report.Number{}, map[string][]*report.Number{}
	a.addWorst()
	for s := range a.report.Systems {
		for _, at := range a.report.Attacks {
			if err := a.cell(s, at); err != nil {
				return fmt.Errorf("eval: %s under %s: %w", a.report.Systems[s].ID, at.ID, err)
			}
		}
	}
	if err := a.comparisons(); err != nil {
		return err
	}
	a.adjust()
	return nil
}

// addWorst adds, for each budget with more than one attack, the row that takes for every image and
// system the attack that did most harm to it. Attacks that know a system are left out: they are the upper
// bound that this row is compared with.
func (a *assembly) addWorst() {
	for _, eps := range a.report.Budgets() {
		attacks := slices.DeleteFunc(a.report.At(eps), func(at report.Attack) bool { return at.Knowledge == "system" })
		if len(attacks) < 2 {
			continue
		}
		w := report.Attack{ID: report.Worst + "@" + eps, Name: report.Worst, Kind: report.Worst, Knowledge: "none", Eps: eps, EpsValue: attacks[0].EpsValue}
		rows := make([][]Response, len(a.report.Systems))
		for s := range rows {
			for i := range a.report.Images {
				worst := a.rows[attacks[0].ID][s][i]
				for _, at := range attacks[1:] {
					if r := a.rows[at.ID][s][i]; r.Value < worst.Value || !r.Value.Finite() && worst.Value.Finite() {
						worst = r
					}
				}
				rows[s] = append(rows[s], worst)
			}
		}
		for _, at := range attacks {
			if at.Knowledge == "encoder" {
				w.Knowledge = at.Knowledge
			}
			w.Cost.Forwards += at.Cost.Forwards
			w.Cost.Backwards += at.Cost.Backwards
			w.Cost.Queries += at.Cost.Queries
		}
		a.rows[w.ID] = rows
		a.report.Attacks = append(a.report.Attacks, w)
	}
}

func (a *assembly) cell(s int, at report.Attack) error {
	system := a.report.Systems[s]
	rows, clean := a.judged(s, a.rows[at.ID][s]), a.judged(s, a.rows[report.Clean][s])
	if a.rows[at.ID][s] == nil {
		return nil // the attack did not concern this system
	}
	c := report.Cell{System: system.ID, Attack: at.ID}
	if len(rows) == 0 {
		nan := report.Number(math.NaN())
		c.Score = report.Score{Value: nan, Low: nan, High: nan, Level: level, Method: "none", Warnings: []string{"no image has an annotation for the task"}}
		a.report.Cells = append(a.report.Cells, c)
		return nil
	}
	var err error
	if c.Score, err = a.score(s, rows); err != nil {
		return err
	}
	for _, r := range rows {
		if r.failed() {
			c.Score.Warnings = append(c.Score.Warnings, r.Reason)
			break
		}
	}
	if at.ID != report.Clean {
		drop, p, err := a.paired(s, clean, rows)
		if err != nil {
			return err
		}
		c.Drop = &drop
		if at.Kind != report.Worst { // which is chosen by its outcome, so that a test of it would mean nothing
			c.PValue = &p
		}
		if c.Lost, err = a.lost(s, clean, rows); err != nil {
			return err
		}
		c.Success = success(a.scorers[s], clean, rows)
	}
	if c.More, err = a.further(s, rows); err != nil {
		return err
	}
	if float := a.float[at.ID]; float != nil && at.ID != report.Clean {
		f, err := a.score(s, a.judged(s, float[s]))
		if err != nil {
			return err
		}
		c.Float = &f
	}
	a.report.Cells = append(a.report.Cells, c)
	switch {
	case c.PValue == nil:
	case at.Kind == "noise" || a.tried[system.ID]:
		a.controls = append(a.controls, c.PValue)
	case len(at.Systems) > 0:
		a.bounds[system.ID] = append(a.bounds[system.ID], c.PValue)
	default:
		a.pvalues[system.ID] = append(a.pvalues[system.ID], c.PValue)
	}
	return nil
}

// judged leaves out the images for which nobody knows what system s should say.
func (a *assembly) judged(s int, rows []Response) []Response {
	if !slices.ContainsFunc(rows, func(r Response) bool { return !r.judged() }) {
		return rows
	}
	return slices.DeleteFunc(slices.Clone(rows), func(r Response) bool { return !r.judged() })
}

// lost is the drop as a share of the clean score; nil where that is not above zero.
func (a *assembly) lost(s int, clean, rows []Response) (*report.Score, error) {
	f, err := a.scorers[s].statistic(clean)
	if err != nil {
		return nil, err
	}
	g, err := a.scorers[s].statistic(rows)
	if err != nil {
		return nil, err
	}
	e, err := a.bootstrap().BCa(len(rows), func(indices []int) float64 {
		if c := f(indices); c > 0 {
			return (c - g(indices)) / c
		}
		return math.NaN()
	})
	if err != nil || math.IsNaN(e.Value) {
		return nil, err
	}
	score := fromEstimate(e)
	return &score, nil
}

// further are the task's other metrics.
func (a *assembly) further(s int, rows []Response) ([]report.Reading, error) {
	f, ok := a.scorers[s].(further)
	if !ok {
		return nil, nil
	}
	measures, err := f.more(rows)
	if err != nil {
		return nil, err
	}
	var out []report.Reading
	for _, m := range measures {
		r := report.Reading{Metric: m.metric}
		if m.hits != nil {
			hits := 0
			for _, h := range m.hits {
				if h {
					hits++
				}
			}
			r.Score = wilson(hits, len(m.hits))
		} else {
			e, err := a.bootstrap().BCa(len(rows), m.statistic)
			if err != nil {
				return nil, err
			}
			r.Score = fromEstimate(e)
		}
		out = append(out, r)
	}
	return out, nil
}

// score is the system's metric with its interval: Wilson's where answers are right or wrong, a BCa
// bootstrap over images otherwise.
func (a *assembly) score(s int, rows []Response) (report.Score, error) {
	rows = a.judged(s, rows)
	if _, ok := a.scorers[s].(binary); ok {
		return rate(rows), nil
	}
	f, err := a.scorers[s].statistic(rows)
	if err != nil {
		return report.Score{}, err
	}
	e, err := a.bootstrap().BCa(len(rows), f)
	return fromEstimate(e), err
}

func (a *assembly) bootstrap() stat.Bootstrap {
	return stat.Bootstrap{Level: level, Resamples: resamples, Seed: a.report.Claim.Seed}
}

func rate(rows []Response) report.Score {
	hits := 0
	for _, r := range rows {
		if r.Value == 1 {
			hits++
		}
	}
	return wilson(hits, len(rows))
}

// wilson is a rate of hits among n with Wilson's interval.
func wilson(hits, n int) report.Score {
	v := stat.Wilson(hits, n, level)
	return report.Score{Value: report.Number(float64(hits) / float64(n)), Low: report.Number(v.Lo), High: report.Number(v.Hi),
		Level: level, Method: "wilson", N: n}
}

func fromEstimate(e stat.Estimate) report.Score {
	return report.Score{Value: report.Number(e.Value), Low: report.Number(e.Interval.Lo), High: report.Number(e.Interval.Hi),
		Level: report.Number(e.Interval.Level), Method: "bca", N: e.N, Warnings: e.Warnings}
}

// paired is the score of x minus the score of y on the same images, with the p-value of no difference:
// the exact McNemar test where answers are right or wrong, the paired bootstrap otherwise.
func (a *assembly) paired(s int, x, y []Response) (report.Score, report.Number, error) {
	x, y = a.judged(s, x), a.judged(s, y)
	f, err := a.scorers[s].statistic(x)
	if err != nil {
		return report.Score{}, 0, err
	}
	g, err := a.scorers[s].statistic(y)
	if err != nil {
		return report.Score{}, 0, err
	}
	d, err := a.bootstrap().Paired(len(x), f, g)
	if err != nil {
		return report.Score{}, 0, err
	}
	p := report.Number(d.P)
	if _, ok := a.scorers[s].(binary); ok {
		m, err := stat.Compare(right(x), right(y))
		if err != nil {
			return report.Score{}, 0, err
		}
		p = report.Number(m.McNemar())
	}
	return fromEstimate(d.Estimate), p, nil
}

func right(rows []Response) []bool {
	out := make([]bool, len(rows))
	for i, r := range rows {
		out[i] = r.Value == 1
	}
	return out
}

// success is the share of originally right answers that became wrong; nil where answers are neither, or
// none was right.
func success(sc scorer, clean, rows []Response) *report.Score {
	if _, ok := sc.(binary); !ok {
		return nil
	}
	was, hits := 0, 0
	for i, r := range clean {
		if r.Value != 1 {
			continue
		}
		was++
		if rows[i].Value != 1 {
			hits++
		}
	}
	if was == 0 {
		return nil
	}
	score := wilson(hits, was)
	return &score
}

// comparisons sets the attacks of one budget against each other in pairs, aggregates left out.
func (a *assembly) comparisons() error {
	for s, system := range a.report.Systems {
		for _, eps := range a.report.Budgets() {
			attacks := a.report.At(eps)
			for i, x := range attacks {
				for _, y := range attacks[i+1:] {
					rx, ry := a.judged(s, a.rows[x.ID][s]), a.judged(s, a.rows[y.ID][s])
					if x.Kind == report.Worst || y.Kind == report.Worst || len(rx) == 0 || len(ry) == 0 {
						continue
					}
					d, p, err := a.paired(s, rx, ry)
					if err != nil {
						return err
					}
					a.report.Comparisons = append(a.report.Comparisons, report.Comparison{System: system.ID, A: x.ID, B: y.ID, Difference: d, PValue: p})
				}
			}
		}
	}
	for i := range a.report.Comparisons {
		a.controls = append(a.controls, &a.report.Comparisons[i].PValue)
	}
	return nil
}

// adjust makes the p-values of a family hold at once. What a finding rests on is a question about one system, so
// its attacks against clean, over all budgets, are a family; its white-box attacks, which are the upper bound, are
// another; noise and comparisons of attacks with each other, over all systems, are the last. Over n systems, up to
// n·5 % of findings by chance must be expected.
func (a *assembly) adjust() {
	families := append(slices.Collect(maps.Values(a.pvalues)), slices.Collect(maps.Values(a.bounds))...)
	for _, family := range append(families, a.controls) {
		p := make([]float64, len(family))
		for i, v := range family {
			p[i] = float64(*v)
		}
		for i, v := range stat.Holm(p) {
			*family[i] = report.Number(v)
		}
	}
}

// smallestDrop is the smallest fall of a rate that n paired images would have shown with 80 % power at
// 5 %; NaN or +Inf when none.
func smallestDrop(n int) float64 {
	d, err := stat.MinimumDetectableDrop(n, 0, 1-level, 0.8)
	if err != nil {
		return math.NaN()
	}
	return d
}
