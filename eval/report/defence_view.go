package report

import (
	"fmt"
	"math"
	"strconv"
)

// defenceTable is what defences buy at one budget.
type defenceTable struct {
	Eps  string
	Rows []defenceRow
}

type defenceRow struct {
	Defence
	SystemName   string
	Many         bool // there are several systems, so that each row must name its own
	Clean, Worst cellView
	Cells        []cellView // in the order of Roles
	Latency      string     // what it adds to one image, ms
}

// DefenceRoles are the headings of the roles, in the order of Roles.
func DefenceRoles() []Text {
	var out []Text
	for _, role := range Roles {
		out = append(out, T("role."+role))
	}
	return out
}

// defenceTables has one table per budget; run may be nil.
func (r *Report) defenceTables(run *Run) []defenceTable {
	var out []defenceTable
	for _, eps := range r.Budgets() {
		t := defenceTable{Eps: eps}
		systems := map[string]bool{}
		for _, d := range r.Defences {
			systems[d.System] = true
		}
		for _, d := range r.Defences {
			if d.Eps == eps {
				t.Rows = append(t.Rows, r.defenceRow(d, run, len(systems) > 1))
			}
		}
		if len(t.Rows) > 0 {
			out = append(out, t)
		}
	}
	return out
}

func (r *Report) defenceRow(d Defence, run *Run, many bool) defenceRow {
	row := defenceRow{Defence: d, Many: many, Latency: FormatLatency(run, d.Name)}
	s := r.System(d.System)
	row.SystemName = s.Name
	clean := float64(d.Clean.Value)
	cell := func(score *Score) cellView {
		if score == nil {
			return cellView{Missing: true}
		}
		v := cellView{Value: s.Metric.Format(score.Value), Interval: s.Metric.FormatInterval(*score), Notes: score.Warnings}
		if lost := clean - float64(score.Value); s.Metric.HigherIsBetter && clean > 0 && lost > 0 {
			v.Shade = min(9, int(10*lost/clean))
		}
		return v
	}
	row.Clean, row.Worst = cell(&d.Clean), cell(&d.Worst)
	for _, role := range Roles {
		row.Cells = append(row.Cells, cell(d.Role(role)))
	}
	return row
}

// FormatLatency prints what a defence adds to one image, or for Undefended what the image takes; "–" where
// that was not measured.
func FormatLatency(run *Run, name string) string {
	if run == nil {
		return "–"
	}
	l, ok := run.Latency[name]
	switch {
	case !ok:
		return "–"
	case name == Undefended:
		return digits(l.Undefended)
	}
	return fmt.Sprintf("+%s", digits(max(0, l.Added)))
}

// digits prints two significant digits.
func digits(v float64) string {
	if v == 0 {
		return "0"
	}
	places := max(0, 1-int(math.Floor(math.Log10(math.Abs(v)))))
	return strconv.FormatFloat(v, 'f', min(places, 2), 64)
}
