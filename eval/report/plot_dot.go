package report

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// dotShape is a filled circle without an outline.
type dotShape struct{}

// DrawGlyph draws the dot at pt.
func (dotShape) DrawGlyph(c *draw.Canvas, style draw.GlyphStyle, pt vg.Point) {
	c.SetColor(style.Color)
	var path vg.Path
	path.Move(vg.Point{X: pt.X + style.Radius, Y: pt.Y})
	path.Arc(pt, style.Radius, 0, 2*3.141592653589793)
	path.Close()
	c.Fill(path)
}
