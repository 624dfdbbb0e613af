package membership

import (
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// lineColours tell the attacks apart; dashes do so without colour.
var lineColours = []color.NRGBA{{0x7b, 0x83, 0x8a, 255}, {0x3d, 0x86, 0xc6, 255}, {0xd1, 0x67, 0x20, 255}, {0xb6, 0x57, 0xa0, 255}, {0x1f, 0x93, 0x6a, 255}}
var lineDashes = [][]vg.Length{{1, 3}, {6, 3}, {2, 2}, nil, {8, 2, 2, 2}}

// leastRate is the lower end of both axes.
const leastRate = 1e-3

// WriteROC draws the curves of one guard on two logarithmic axes, as arXiv 2112.03570 advises, as SVG.
func (r *Report) WriteROC(w io.Writer, g GuardRow) error {
	p := plot.New()
	p.Title.Text = "guard: " + g.Guard
	p.X.Label.Text, p.Y.Label.Text = "false-positive rate", "true-positive rate"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: 1}, plot.LogTicks{Prec: 1}
	p.Legend.Top, p.Legend.Left = true, true
	chance, err := plotter.NewLine(plotter.XYs{{X: leastRate, Y: leastRate}, {X: 1, Y: 1}})
	if err != nil {
		return err
	}
	chance.Color, chance.Width = color.NRGBA{128, 128, 128, 160}, 0.8
	p.Add(plotter.NewGrid(), chance)
	for k, a := range g.Attacks {
		var xy plotter.XYs
		for _, q := range a.ROC {
			xy = append(xy, plotter.XY{X: q.FPR, Y: max(q.TPR, leastRate)})
		}
		l, err := plotter.NewLine(xy)
		if err != nil {
			return err
		}
		l.Color, l.Width, l.Dashes = lineColours[k%len(lineColours)], 1.6, lineDashes[k%len(lineDashes)]
		p.Add(l)
		p.Legend.Add(a.Attack, l)
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = leastRate, 1, leastRate, 1
	to, err := p.WriterTo(4.5*vg.Inch, 4*vg.Inch, "svg")
	if err != nil {
		return err
	}
	_, err = to.WriteTo(w)
	return err
}
