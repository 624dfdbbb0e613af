package surfaces

import (
	"math"
	"math/rand/v2"
)

// scratches are one to three long, thin, slightly bent lines, with a dark edge on the side away from the
// lamp; the groove is bright, or grey where the surface itself is bright.
func scratches(rng *rand.Rand, l light) []flaw {
	var flaws []flaw
	direction := rng.Float64() * math.Pi
	for range several(rng, 3) {
		angle := direction + between(rng, -0.3, 0.3)
		length := between(rng, 0.35, 0.75)
		cx, cy := between(rng, 0.3, 0.7), between(rng, 0.3, 0.7)
		bend := between(rng, -0.06, 0.06)
		half := between(rng, 0.008, 0.013)
		var s stroke
		const parts = 12
		for i := range parts + 1 {
			t := float64(i)/parts*2 - 1
			along, off := t*length/2, bend*(1-t*t)
			s.x = append(s.x, clamp(cx+along*math.Cos(angle)-off*math.Sin(angle)))
			s.y = append(s.y, clamp(cy+along*math.Sin(angle)+off*math.Cos(angle)))
			s.half = append(s.half, half*(1-0.45*t*t))
		}
		flaws = append(flaws, scratch(s, l, between(rng, 0.22, 0.42)))
	}
	return flaws
}

func scratch(s stroke, l light, strength float64) flaw {
	f := flaw{
		cover: func(x, y, px float64) float64 { return inside(s.distance(x, y), px) },
		paint: func(x, y, px float64, c rgb) rgb {
			shadow := inside(s.distance(x+l.dx*0.008, y+l.dy*0.008)-0.002, px)
			c = c.times(1 - 0.8*strength*shadow)
			groove := rgb{0.97, 0.97, 0.95}.towards(rgb{0.4, 0.4, 0.4}, ramp(0.6, 0.75, (c[0]+c[1]+c[2])/3))
			return c.towards(groove, (0.35+strength)*inside(s.distance(x, y), px))
		},
	}
	s.frame(&f, 0.03)
	return f
}

// cracks are one dark, jagged line that tapers off and may fork.
func cracks(rng *rand.Rand, _ light) []flaw {
	angle := rng.Float64() * 2 * math.Pi
	x, y := 0.5-0.33*math.Cos(angle)+between(rng, -0.12, 0.12), 0.5-0.33*math.Sin(angle)+between(rng, -0.12, 0.12)
	trunk := walk(rng, x, y, angle, between(rng, 0.011, 0.016), 9+rng.IntN(6))
	strokes := []stroke{trunk}
	for range rng.IntN(3) {
		at := 2 + rng.IntN(len(trunk.x)-4)
		side := between(rng, 0.5, 0.9)
		if rng.IntN(2) == 0 {
			side = -side
		}
		strokes = append(strokes, walk(rng, trunk.x[at], trunk.y[at], angle+side, trunk.half[at]*0.8, 4+rng.IntN(3)))
	}
	distance := func(x, y float64) float64 {
		best := math.Inf(1)
		for _, s := range strokes {
			best = min(best, s.distance(x, y))
		}
		return best
	}
	f := flaw{
		cover: func(x, y, px float64) float64 { return inside(distance(x, y), px) },
		paint: func(x, y, px float64, c rgb) rgb {
			d := distance(x, y)
			c = c.times(1 - 0.25*ramp(0.02, 0, d))
			return c.towards(rgb{0.06, 0.055, 0.05}, 0.92*inside(d, px))
		},
	}
	trunk.frame(&f, 0)
	for _, s := range strokes {
		var g flaw
		s.frame(&g, 0.03)
		f.x0, f.y0, f.x1, f.y1 = min(f.x0, g.x0), min(f.y0, g.y0), max(f.x1, g.x1), max(f.y1, g.y1)
	}
	return []flaw{f}
}

// walk is a jagged line of the given number of steps that gets thinner.
func walk(rng *rand.Rand, x, y, angle, half float64, steps int) stroke {
	s := stroke{x: []float64{clamp(x)}, y: []float64{clamp(y)}, half: []float64{half}}
	for i := range steps {
		turn, step := angle+between(rng, -0.75, 0.75), between(rng, 0.035, 0.075)
		x, y = x+step*math.Cos(turn), y+step*math.Sin(turn)
		s.x, s.y = append(s.x, clamp(x)), append(s.y, clamp(y))
		s.half = append(s.half, half*(1-0.65*float64(i+1)/float64(steps)))
	}
	return s
}
