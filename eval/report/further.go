package report

// furtherView is what stands beside the scores of the matrix at one budget.
type furtherView struct {
	Eps     string
	Span    int
	Columns []Attack
	Rows    []furtherRow
}

// furtherRow is one further number of a system under every attack.
type furtherRow struct {
	System System
	First  bool // first of its system
	Name   string
	Label  Text // set instead of Name for what is no metric's own name
	Cells  []cellView
}

// further lists the other metrics of every system, its relative drop and the attacks' success.
func (r *Report) further(eps string) furtherView {
	v := furtherView{Eps: eps, Columns: append([]Attack{r.Attacks[0]}, r.At(eps)...)}
	v.Span = len(v.Columns) + 1
	share := Metric{Share: true}
	for _, s := range r.Systems {
		cells := make([]*Cell, len(v.Columns))
		for i, a := range v.Columns {
			cells[i] = r.Cell(s.ID, a.ID)
		}
		from := len(v.Rows)
		if clean := cells[0]; clean != nil {
			for k, m := range clean.More {
				v.add(s, furtherRow{Name: m.Metric.Name}, m.Metric, cells, func(c *Cell) *Score {
					if k < len(c.More) {
						return &c.More[k].Score
					}
					return nil
				})
			}
		}
		v.add(s, furtherRow{Label: T("ui.lost.relative")}, share, cells, func(c *Cell) *Score { return c.Lost })
		v.add(s, furtherRow{Label: T("ui.success")}, share, cells, func(c *Cell) *Score { return c.Success })
		if from < len(v.Rows) {
			v.Rows[from].First = true
		}
	}
	return v
}

// add appends a row unless no cell has the number.
func (v *furtherView) add(s System, row furtherRow, m Metric, cells []*Cell, of func(*Cell) *Score) {
	row.System = s
	found := false
	for _, c := range cells {
		view := cellView{Missing: true}
		if c != nil {
			if score := of(c); score != nil {
				view, found = cellView{Value: m.Format(score.Value), Interval: m.FormatInterval(*score)}, true
			}
		}
		row.Cells = append(row.Cells, view)
	}
	if found {
		v.Rows = append(v.Rows, row)
	}
}
