package report

import (
	"html/template"
	"slices"
)

// chartView is a chart with the numbers behind it, so that nothing is in the picture alone.
type chartView struct {
	Title Text
	Name  string // set instead of Title for a system's own name
	SVG   template.HTML
	Head  []string
	Rows  [][]string
}

// curves draws, for each system, its score against ε with one line per attack. With a single budget there
// is no curve to see.
func (r *Report) curves() ([]chartView, error) {
	if len(r.Budgets()) < 2 {
		return nil, nil
	}
	names := r.AttackNames()
	var out []chartView
	for _, s := range r.Systems {
		lines, styles, eps := r.curveLines(s, names)
		if len(lines) == 0 {
			continue
		}
		top := 1.0
		if !s.Metric.Share {
			top = highest(lines)
		}
		svg, err := chart(lines, styles, 0, top, levelTicks(eps))
		if err != nil {
			return nil, err
		}
		v := chartView{Name: s.Name, SVG: svg, Head: append([]string{"ε × 255"}, lineNames(lines)...)}
		for _, e := range eps {
			row := []string{formatLevel(e)}
			for _, l := range lines {
				row = append(row, valueAt(l, e, s.Metric))
			}
			v.Rows = append(v.Rows, row)
		}
		out = append(out, v)
	}
	return out, nil
}

// curveLines returns a line per attack through the clean score at ε = 0.
func (r *Report) curveLines(s System, names []string) (lines []series, styles []int, eps []float64) {
	eps = []float64{0}
	clean := r.Cell(s.ID, Clean)
	if clean == nil {
		return nil, nil, nil
	}
	for style, name := range names {
		l := series{Name: name}
		l.add(0, clean.Score)
		for _, a := range r.Attacks {
			c := r.Cell(s.ID, a.ID)
			if a.Name != name || c == nil {
				continue
			}
			x := float64(a.EpsValue) * 255
			l.add(x, c.Score)
			if !slices.Contains(eps, x) {
				eps = append(eps, x)
			}
		}
		if len(l.X) > 1 {
			l.sort()
			lines, styles = append(lines, l), append(styles, style)
		}
	}
	slices.Sort(eps)
	return lines, styles, eps
}

func (s *series) add(x float64, v Score) {
	s.X, s.Y = append(s.X, x), append(s.Y, float64(v.Value))
	s.Low, s.High = append(s.Low, float64(v.Low)), append(s.High, float64(v.High))
}

// sort orders the points by X, keeping the four slices together.
func (s *series) sort() {
	order := make([]int, len(s.X))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case s.X[a] < s.X[b]:
			return -1
		case s.X[a] > s.X[b]:
			return 1
		}
		return 0
	})
	pick := func(v []float64) []float64 {
		out := make([]float64, len(v))
		for i, k := range order {
			out[i] = v[k]
		}
		return out
	}
	s.X, s.Y, s.Low, s.High = pick(s.X), pick(s.Y), pick(s.Low), pick(s.High)
}

// drifts draws, for each budget, the mean cosine at each layer with a band of two standard errors.
func (r *Report) drifts() ([]chartView, error) {
	names := r.AttackNames()
	var out []chartView
	for _, eps := range r.Budgets() {
		var lines []series
		var styles []int
		for _, a := range r.At(eps) {
			mean, se := r.LayerDrift(a.ID)
			if mean == nil {
				continue
			}
			lines = append(lines, driftLine(a.Name, mean, se))
			styles = append(styles, slices.Index(names, a.Name))
		}
		if len(lines) == 0 {
			continue
		}
		n := len(lines[0].X)
		svg, err := chart(lines, styles, min(0, lowest(lines)), 1, layerTicks(n))
		if err != nil {
			return nil, err
		}
		v := chartView{Title: T("ui.budget", eps), SVG: svg, Head: append([]string{"layer"}, lineNames(lines)...)}
		for l := range n {
			row := []string{layerName(l)}
			for _, s := range lines {
				row = append(row, formatCosine(s.Y[l]))
			}
			v.Rows = append(v.Rows, row)
		}
		out = append(out, v)
	}
	return out, nil
}

func driftLine(name string, mean, se []float64) series {
	s := series{Name: name}
	for l, m := range mean {
		s.X, s.Y = append(s.X, float64(l)), append(s.Y, m)
		s.Low, s.High = append(s.Low, m-2*se[l]), append(s.High, m+2*se[l])
	}
	return s
}
