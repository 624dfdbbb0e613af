package report

import (
	"bytes"
	"html/template"
	"image/color"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// series is one line of a chart with an optional band around it.
type series struct {
	Name      string
	X, Y      []float64
	Low, High []float64 // nil or as long as X
}

// palette holds colours with a contrast of at least 3 : 1 on white and on the dark page alike; dashes
// tell the lines apart without colour.
var palette = []color.NRGBA{
	{0x3d, 0x86, 0xc6, 255}, {0xd1, 0x67, 0x20, 255}, {0x1f, 0x93, 0x6a, 255}, {0xb6, 0x57, 0xa0, 255},
	{0x96, 0x80, 0x1a, 255}, {0xd0, 0x4a, 0x4a, 255}, {0x6f, 0x74, 0xd8, 255}, {0x7b, 0x83, 0x8a, 255},
}

var dashes = [][]vg.Length{nil, {6, 3}, {2, 2}, {8, 2, 2, 2}, {10, 4}, {4, 4}, {1, 3}, {12, 3, 3, 3}}

func colourOf(i int) color.NRGBA { return palette[i%len(palette)] }
func dashOf(i int) []vg.Length   { return dashes[i%len(dashes)] }

func cssColour(c color.NRGBA) string {
	const digits = "0123456789abcdef"
	b := []byte{'#'}
	for _, v := range []uint8{c.R, c.G, c.B} {
		b = append(b, digits[v>>4], digits[v&15])
	}
	return string(b)
}

// chart draws lines as inline SVG that takes the page's text colour and width. styles[i] is the index of
// line i in the palette, so that an attack keeps its colour in every chart.
func chart(lines []series, styles []int, yMin, yMax float64, ticks plot.Ticker) (template.HTML, error) {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	p.Y.Min, p.Y.Max = yMin, yMax
	p.X.Tick.Marker = ticks
	p.X.Padding, p.Y.Padding = 2, 2
	grid := plotter.NewGrid()
	grid.Vertical.Color = nil
	grid.Horizontal.Color = color.NRGBA{128, 128, 128, 80}
	p.Add(grid)
	for i, s := range lines {
		if err := addSeries(p, s, styles[i]); err != nil {
			return "", err
		}
	}
	// A line's own range must not widen the axis that all charts share.
	p.Y.Min, p.Y.Max = yMin, yMax
	w, err := p.WriterTo(4.2*vg.Inch, 2.5*vg.Inch, "svg")
	if err != nil {
		return "", err
	}
	var buf bytes.Buffer
	if _, err := w.WriteTo(&buf); err != nil {
		return "", err
	}
	return template.HTML(adoptable(buf.String())), nil // made of numbers and tick labels only
}

func addSeries(p *plot.Plot, s series, style int) error {
	line, band := points(s.X, s.Y), plotter.XYs{}
	if len(line) == 0 {
		return nil
	}
	if s.Low != nil {
		upper := points(s.X, s.High)
		band = append(band, points(s.X, s.Low)...)
		for i := len(upper) - 1; i >= 0; i-- {
			band = append(band, upper[i])
		}
	}
	if len(band) > 2 {
		poly, err := plotter.NewPolygon(band)
		if err != nil {
			return err
		}
		c := colourOf(style)
		c.A = 40
		poly.Color, poly.LineStyle.Width = c, 0
		p.Add(poly)
	}
	l, dots, err := plotter.NewLinePoints(line)
	if err != nil {
		return err
	}
	l.Color, l.Width, l.Dashes = colourOf(style), 1.8, dashOf(style)
	dots.Color, dots.Radius, dots.Shape = colourOf(style), 2.4, dotShape{}
	p.Add(l, dots)
	return nil
}

func points(x, y []float64) plotter.XYs {
	var out plotter.XYs
	for i := range x {
		if !math.IsNaN(y[i]) && !math.IsInf(y[i], 0) {
			out = append(out, plotter.XY{X: x[i], Y: y[i]})
		}
	}
	return out
}

var svgSize = regexp.MustCompile(`<svg width="[^"]*" height="[^"]*"`)

// adoptable turns a whole SVG file into an element of the page: no prolog, no fixed size, black becomes
// the page's text colour and text its font.
func adoptable(svg string) string {
	if i := strings.Index(svg, "<svg"); i > 0 {
		svg = svg[i:]
	}
	svg = svgSize.ReplaceAllString(svg, `<svg aria-hidden="true" focusable="false"`)
	svg = strings.ReplaceAll(svg, "#000000", "currentColor")
	svg = strings.ReplaceAll(svg, "font-family:Liberation Serif;", "")
	return strings.TrimSpace(svg)
}

// levelTicks marks ε in levels of 255.
func levelTicks(eps []float64) plot.Ticker {
	var ticks []plot.Tick
	for _, e := range eps {
		ticks = append(ticks, plot.Tick{Value: e, Label: strconv.FormatFloat(e, 'g', 3, 64)})
	}
	return plot.ConstantTicks(ticks)
}

// layerTicks marks the stem and the blocks, at most nine of them.
func layerTicks(n int) plot.Ticker {
	var ticks []plot.Tick
	step := max(1, (n+7)/8)
	for l := 0; l < n; l += step {
		label := "stem"
		if l > 0 {
			label = strconv.Itoa(l - 1)
		}
		ticks = append(ticks, plot.Tick{Value: float64(l), Label: label})
	}
	return plot.ConstantTicks(ticks)
}
