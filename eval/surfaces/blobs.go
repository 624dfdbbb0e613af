package surfaces

import (
	"math"
	"math/rand/v2"
)

// dents are one or two smooth hollows: bright where they face the lamp, dark where they turn away.
func dents(rng *rand.Rand, l light) []flaw {
	var flaws []flaw
	for range several(rng, 2) {
		e := newEllipse(rng, 0.1, 0.19)
		depth := between(rng, 0.75, 1.2)
		hollow := func(x, y float64) float64 { // depth, 1 in the middle, 0 outside
			u, v := e.at(x, y)
			t := clamp(1 - u*u - v*v)
			return t * t * (3 - 2*t)
		}
		f := flaw{
			cover: func(x, y, px float64) float64 {
				u, v := e.at(x, y)
				return inside((math.Hypot(u, v)-0.92)*e.b, px)
			},
			paint: func(x, y, _ float64, c rgb) rgb {
				step := 0.15 * e.b
				slope := hollow(x-l.dx*step, y-l.dy*step) - hollow(x+l.dx*step, y+l.dy*step)
				glint := ramp(0.38, 0.62, slope)
				return c.times(max(0.12, 1+depth*slope-0.22*hollow(x, y))).towards(rgb{1, 1, 1}, 0.25*glint)
			},
		}
		f.frame(e.x-e.a, e.y-e.a, e.x+e.a, e.y+e.a, 0.05)
		flaws = append(flaws, f)
	}
	return flaws
}

// stains are one or two patches of liquid or rust: a ragged outline, a tint, and a darker rim.
func stains(rng *rand.Rand, _ light) []flaw {
	var flaws []flaw
	tints := []rgb{{0.62, 0.42, 0.22}, {0.35, 0.38, 0.45}, {0.5, 0.52, 0.25}, {0.45, 0.25, 0.2}}
	for range several(rng, 2) {
		e := newEllipse(rng, 0.12, 0.22)
		n := noise(rng.Uint64())
		tint, strength := tints[rng.IntN(len(tints))], between(rng, 0.55, 0.85)
		distance := func(x, y float64) float64 { // from the ragged outline
			u, v := e.at(x, y)
			return (math.Hypot(u, v) - 0.85 - 0.25*n.fractal(x*11, y*11, 2)) * e.b
		}
		f := flaw{
			cover: func(x, y, px float64) float64 { return inside(distance(x, y), px) },
			paint: func(x, y, px float64, c rgb) rgb {
				d := distance(x, y)
				amount := strength * ramp(0.012, -0.012, d) * (0.85 + 0.2*n.fractal(x*20, y*20, 2))
				rim := 0.3 * math.Exp(-(d+0.012)*(d+0.012)/1.2e-4)
				wet := rgb{c[0] * tint[0] * 1.25, c[1] * tint[1] * 1.25, c[2] * tint[2] * 1.25}
				return c.towards(wet, amount).times(1 - rim*strength)
			},
		}
		f.frame(e.x-e.a, e.y-e.a, e.x+e.a, e.y+e.a, 0.1)
		flaws = append(flaws, f)
	}
	return flaws
}

// holes are one to three round openings: dark, with a lit far wall and a rim.
func holes(rng *rand.Rand, l light) []flaw {
	var flaws []flaw
	for range several(rng, 3) {
		e := newEllipse(rng, 0.05, 0.1)
		e.b = e.a * (0.85 + 0.15*e.b/e.a)
		f := flaw{
			cover: func(x, y, px float64) float64 {
				u, v := e.at(x, y)
				return inside((math.Hypot(u, v)-1)*e.b, px)
			},
			paint: func(x, y, px float64, c rgb) rgb {
				u, v := e.at(x, y)
				r := math.Hypot(u, v)
				facing := ((x-e.x)*l.dx + (y-e.y)*l.dy) / e.a // −1 at the wall that the lamp reaches
				wall := 0.3 * ramp(0.2, 1, r) * clamp(-facing)
				rim := ramp(1.45, 1.05, r)
				c = c.times(1 + 0.3*rim*facing)
				return c.towards(rgb{0.03, 0.03, 0.035}.towards(c, wall), inside((r-1)*e.b, px))
			},
		}
		f.frame(e.x-e.a, e.y-e.a, e.x+e.a, e.y+e.a, 0.06)
		flaws = append(flaws, f)
	}
	return flaws
}

// inclusions are one to four angular grains of foreign matter in the surface.
func inclusions(rng *rand.Rand, l light) []flaw {
	var flaws []flaw
	matter := []rgb{{0.12, 0.1, 0.09}, {0.9, 0.82, 0.55}, {0.5, 0.2, 0.12}, {0.2, 0.28, 0.3}}[rng.IntN(4)]
	for range several(rng, 4) {
		flaws = append(flaws, grain(rng, l, matter))
	}
	return flaws
}

// grain is a convex polygon given by the half planes of its sides.
func grain(rng *rand.Rand, l light, matter rgb) flaw {
	r := between(rng, 0.035, 0.075)
	x0, y0 := between(rng, 0.12, 0.88), between(rng, 0.12, 0.88)
	sides := 5 + rng.IntN(3)
	start := rng.Float64() * 2 * math.Pi
	type side struct{ nx, ny, d, shade float64 }
	var outline []side
	for i := range sides {
		angle := start + 2*math.Pi*(float64(i)+between(rng, -0.25, 0.25))/float64(sides)
		nx, ny := math.Cos(angle), math.Sin(angle)
		outline = append(outline, side{nx, ny, r * between(rng, 0.6, 1), nx*l.dx + ny*l.dy})
	}
	n := noise(rng.Uint64())
	nearest := func(x, y float64) (distance, shade float64) {
		distance = math.Inf(-1)
		for _, s := range outline {
			if d := (x-x0)*s.nx + (y-y0)*s.ny - s.d; d > distance {
				distance, shade = d, s.shade
			}
		}
		return distance, shade
	}
	f := flaw{
		cover: func(x, y, px float64) float64 {
			d, _ := nearest(x, y)
			return inside(d, px)
		},
		paint: func(x, y, px float64, c rgb) rgb {
			d, shade := nearest(x, y)
			c = c.times(1 - 0.2*ramp(0.02, 0, d))
			facet := matter.times(1 + 0.35*shade + 0.2*n.at(x*70, y*70))
			return c.towards(facet, 0.95*inside(d, px))
		},
	}
	f.frame(x0-r, y0-r, x0+r, y0+r, r+0.03)
	return f
}
