package surfaces

import (
	"math"
	"math/rand/v2"
)

// stroke is a line through points with a half width at each.
type stroke struct {
	x, y, half []float64
}

// distance is from (x, y) to the stroke's edge, negative inside.
func (s stroke) distance(x, y float64) float64 {
	best := math.Inf(1)
	for i := range len(s.x) - 1 {
		ex, ey := s.x[i+1]-s.x[i], s.y[i+1]-s.y[i]
		wx, wy := x-s.x[i], y-s.y[i]
		t := clamp((wx*ex + wy*ey) / max(ex*ex+ey*ey, 1e-12))
		dx, dy := wx-t*ex, wy-t*ey
		best = min(best, math.Sqrt(dx*dx+dy*dy)-(s.half[i]+t*(s.half[i+1]-s.half[i])))
	}
	return best
}

// frame sets the flaw's bounds to the given rectangle widened by margin.
func (f *flaw) frame(x0, y0, x1, y1, margin float64) {
	f.x0, f.y0, f.x1, f.y1 = x0-margin, y0-margin, x1+margin, y1+margin
}

func (s stroke) frame(f *flaw, margin float64) {
	f.x0, f.y0, f.x1, f.y1 = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for i := range s.x {
		m := margin + s.half[i]
		f.x0, f.y0 = min(f.x0, s.x[i]-m), min(f.y0, s.y[i]-m)
		f.x1, f.y1 = max(f.x1, s.x[i]+m), max(f.y1, s.y[i]+m)
	}
}

// inside turns a distance from an outline (negative inside) into how much of a pixel is covered.
func inside(distance, px float64) float64 { return clamp(0.5 - distance/px) }

// ellipse is a turned ellipse; at gives the position in units of its radii.
type ellipse struct {
	x, y, a, b float64
	axes       func(x, y float64) (float64, float64)
}

func newEllipse(rng *rand.Rand, smallest, largest float64) ellipse {
	a := between(rng, smallest, largest)
	b := a * between(rng, 0.6, 1)
	m := a + 0.06
	return ellipse{between(rng, m, 1-m), between(rng, m, 1-m), a, b, turned(rng.Float64() * math.Pi)}
}

func (e ellipse) at(x, y float64) (u, v float64) {
	u, v = e.axes(x-e.x, y-e.y)
	return u / e.a, v / e.b
}

// several draws 1 to most things, one being the likeliest.
func several(rng *rand.Rand, most int) int { return 1 + min(rng.IntN(most), rng.IntN(most)) }
