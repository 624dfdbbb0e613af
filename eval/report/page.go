package report

import (
	"html/template"
	"reflect"
	"slices"
	"strconv"
)

// page is what the template shows.
type page struct {
	*Report
	Lang                     Lang
	Langs                    []langView
	Policy                   string
	Style                    template.CSS
	Script                   template.JS
	Level                    string
	WhiteBox                 bool // a column is of attacks that know a system
	Matrices                 []matrixView
	Further                  []furtherView
	Detect                   string // smallest drop that the images could have shown
	Defended                 []defenceTable
	Roles                    []Text
	CurveLegend, DriftLegend []legendView
	Curves                   []chartView
	Drifts                   []chartView
	Gallery                  []galleryView
	Amplify                  int
	Costs                    []costView
	Pairs                    []pairView
	Uses                     []useView
	Run                      *Run
}

type langView struct {
	Code Lang
	Name string
}

type legendView struct {
	Name, Colour, Dash string
}

// matrixView is the transfer matrix at one budget.
type matrixView struct {
	Eps     string
	Span    int // columns of the table
	Columns []Attack
	Rows    []rowView
}

type rowView struct {
	System System
	First  bool // first of its task
	Cells  []cellView
}

type cellView struct {
	Missing  bool
	Value    string
	Interval string
	Shade    int // 0 … 9 by relative loss
	Notes    []string
}

type costView struct {
	Attack        Attack
	Seconds       string
	Linf, L2      string
	PSNR, SSIM    string
	L0, Feature   string
	Inside, Total int
}

type pairView struct {
	System, A, B, Difference, Interval, P string
}

type useView struct {
	Task   string
	Groups []findingGroup
}

// findingGroup is findings that the same measures answer to the same degree, so that these are told once.
type findingGroup struct {
	Findings []Finding
	Reduce   []Text
	Met      Text
	TagList  []Tag
}

func (g findingGroup) holds(f Finding) bool {
	like := g.Findings[0]
	return reflect.DeepEqual(like.Reduce, f.Reduce) && reflect.DeepEqual(like.Met, f.Met) && slices.Equal(like.Tags, f.Tags)
}

func newPage(r *Report, o HTMLOptions) (*page, error) {
	p := &page{Report: r, Lang: o.Lang, Policy: policy(), Style: template.CSS(pageStyle), Script: template.JS(pageScript),
		Langs: []langView{{English, "English"}, {Japanese, "日本語"}}, Amplify: amplify, Run: o.Run, Level: r.level(),
		WhiteBox: r.whiteBox()}
	var err error
	if p.Curves, err = r.curves(); err != nil {
		return nil, err
	}
	if p.Drifts, err = r.drifts(); err != nil {
		return nil, err
	}
	p.CurveLegend, p.DriftLegend = r.legend(p.Curves), r.legend(p.Drifts)
	for _, eps := range r.Budgets() {
		p.Matrices, p.Further = append(p.Matrices, r.matrix(eps)), append(p.Further, r.further(eps))
	}
	slices.Reverse(p.Matrices) // the largest budget is usually given last and read first
	slices.Reverse(p.Further)
	p.Detect = r.detectable()
	p.Defended, p.Roles = r.defenceTables(o.Run), DefenceRoles()
	p.Gallery = r.gallery(o.Assets)
	p.Costs = r.costs(o.Run)
	p.Pairs = r.pairs()
	p.Uses = r.uses()
	return p, nil
}

// whiteBox reports whether an attack has images for each system.
func (r *Report) whiteBox() bool {
	return slices.ContainsFunc(r.Attacks, func(a Attack) bool { return len(a.Systems) > 0 })
}

// detectable prints the smallest drop that the images could have shown.
func (r *Report) detectable() string {
	if r.Detectable.Finite() && r.Detectable <= 1 {
		return Metric{Share: true}.Format(r.Detectable)
	}
	return "100 %"
}

// legend lists the lines that occur in charts, each in its colour and dash.
func (r *Report) legend(charts []chartView) []legendView {
	var out []legendView
	for i, name := range r.AttackNames() {
		if !slices.ContainsFunc(charts, func(c chartView) bool { return slices.Contains(c.Head[1:], name) }) {
			continue
		}
		l := legendView{Name: name, Colour: cssColour(colourOf(i))}
		for _, d := range dashOf(i) {
			l.Dash += strconv.FormatFloat(float64(d), 'g', -1, 64) + " "
		}
		out = append(out, l)
	}
	return out
}

// level returns the confidence of the first interval, in percent.
func (r *Report) level() string {
	for _, c := range r.Cells {
		if c.Score.Level > 0 {
			return strconv.FormatFloat(100*float64(c.Score.Level), 'g', 4, 64)
		}
	}
	return "95"
}

func (r *Report) matrix(eps string) matrixView {
	m := matrixView{Eps: eps, Columns: append([]Attack{r.Attacks[0]}, r.At(eps)...)}
	m.Span = len(m.Columns) + 1
	task := ""
	for _, s := range r.Systems {
		row := rowView{System: s, First: s.Task != task}
		task = s.Task
		for _, a := range m.Columns {
			row.Cells = append(row.Cells, r.cellView(s, a.ID))
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

func (r *Report) cellView(s System, attack string) cellView {
	c, clean := r.Cell(s.ID, attack), r.Cell(s.ID, Clean)
	if c == nil {
		return cellView{Missing: true}
	}
	v := cellView{Value: s.Metric.Format(c.Score.Value), Interval: s.Metric.FormatInterval(c.Score), Notes: c.Score.Warnings}
	if clean == nil || attack == Clean || !clean.Score.Value.Finite() || !c.Score.Value.Finite() {
		return v
	}
	lost := float64(clean.Score.Value - c.Score.Value)
	if !s.Metric.HigherIsBetter {
		lost = -lost
	}
	if base := float64(clean.Score.Value); base > 0 && lost > 0 {
		v.Shade = min(9, int(10*lost/base))
	}
	return v
}

func (r *Report) costs(run *Run) []costView {
	var out []costView
	for _, a := range r.Attacks {
		if a.ID == Clean || a.Kind == Worst {
			continue
		}
		v := r.distortion(a)
		v.Seconds = "–"
		if run != nil {
			if s, ok := run.Attacks[a.ID]; ok {
				v.Seconds = strconv.FormatFloat(s, 'f', 1, 64)
			}
		}
		out = append(out, v)
	}
	return out
}

// distortion summarises how far an attack's files are from the clean ones.
func (r *Report) distortion(a Attack) costView {
	v := costView{Attack: a}
	var l2, psnr, ssim, linf, l0, feature float64
	for i := range r.Images {
		for _, o := range r.Images[i].Under(a.ID) {
			if o.Status != "ok" {
				continue
			}
			v.Total++
			if o.Inside {
				v.Inside++
			}
			l2, psnr, ssim = l2+float64(o.L2), psnr+float64(o.PSNR), ssim+float64(o.SSIM)
			linf = max(linf, float64(o.Linf))
			l0, feature = l0+float64(o.L0), feature+float64(o.Feature)
		}
	}
	n := float64(v.Total)
	v.Linf, v.L2 = formatNumber(Number(linf)), formatNumber(Number(l2/n))
	v.PSNR, v.SSIM = formatNumber(Number(psnr/n)), formatNumber(Number(ssim/n))
	v.L0, v.Feature = "–", formatNumber(Number(feature/n))
	if n > 0 {
		v.L0 = strconv.FormatFloat(l0/n, 'f', 0, 64)
	}
	return v
}

func (r *Report) pairs() []pairView {
	var out []pairView
	for _, c := range r.Comparisons {
		s := r.System(c.System)
		if s == nil {
			continue
		}
		out = append(out, pairView{System: s.Name, A: c.A, B: c.B, P: formatP(c.PValue),
			Difference: s.Metric.Format(c.Difference.Value), Interval: s.Metric.FormatInterval(c.Difference)})
	}
	return out
}

// uses groups the findings by task, and by what answers them, in the order of first use.
func (r *Report) uses() []useView {
	var out []useView
	for _, f := range r.Findings {
		i := slices.IndexFunc(out, func(u useView) bool { return u.Task == f.UseCase })
		if i < 0 {
			i = len(out)
			out = append(out, useView{Task: f.UseCase})
		}
		u := &out[i]
		k := slices.IndexFunc(u.Groups, func(g findingGroup) bool { return g.holds(f) })
		if k < 0 {
			k = len(u.Groups)
			u.Groups = append(u.Groups, findingGroup{Reduce: f.Reduce, Met: f.Met, TagList: tagList(f.Tags)})
		}
		u.Groups[k].Findings = append(u.Groups[k].Findings, f)
	}
	return out
}

func tagList(keys []string) []Tag {
	var out []Tag
	for _, key := range keys {
		if t, ok := FindTag(key); ok {
			out = append(out, t)
		}
	}
	return out
}
