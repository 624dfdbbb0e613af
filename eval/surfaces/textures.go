package surfaces

import (
	"math"
	"math/rand/v2"
)

// between draws evenly from [a, b).
func between(rng *rand.Rand, a, b float64) float64 { return a + (b-a)*rng.Float64() }

// turned returns the coordinates of (x, y) in axes turned by angle.
func turned(angle float64) func(x, y float64) (along, across float64) {
	c, s := math.Cos(angle), math.Sin(angle)
	return func(x, y float64) (float64, float64) { return c*x + s*y, c*y - s*x }
}

// brushed is metal with fine parallel marks and a broad sheen across them.
func brushed(rng *rand.Rand, l light) texture {
	n := noise(rng.Uint64())
	axes := turned(between(rng, -0.25, 0.25) + math.Pi/2*float64(rng.IntN(2)))
	base := rgb{0.56, 0.57, 0.58}.times(between(rng, 0.85, 1.1))
	tint := between(rng, -0.03, 0.03)
	base[0], base[2] = base[0]+tint, base[2]-tint
	strength, sheen := between(rng, 0.06, 0.13), between(rng, 0.05, 0.15)
	at, width := between(rng, -0.2, 1.2), between(rng, 0.3, 0.6)
	return func(x, y, _ float64) rgb {
		along, across := axes(x, y)
		marks := 0.6*n.at(along*3, across*70) + 0.4*(n+1).at(along*7, across*150)
		d := (along - at) / width
		return base.times(1 + strength*marks + sheen*math.Exp(-d*d))
	}
}

// cast is metal with a rough, pitted skin lit from the lamp's side.
func cast(rng *rand.Rand, l light) texture {
	n := noise(rng.Uint64())
	base := rgb{0.42, 0.41, 0.40}.times(between(rng, 0.8, 1.15))
	rough, scale := between(rng, 0.25, 0.45), between(rng, 14, 26)
	const step = 0.01
	return func(x, y, _ float64) rgb {
		h := n.fractal(x*scale, y*scale, 3)
		slope := h - n.fractal((x+l.dx*step)*scale, (y+l.dy*step)*scale, 3)
		patches := (n + 9).fractal(x*3, y*3, 2)
		pits := ramp(-0.35, -0.7, h)
		return base.times(1 + rough*2*slope + 0.08*patches - 0.25*pits)
	}
}

// woven is plain weave: warp and weft threads that go over and under one another.
func woven(rng *rand.Rand, l light) texture {
	n := noise(rng.Uint64())
	axes := turned(between(rng, -0.12, 0.12))
	threads := between(rng, 13, 20)
	warp := rgb{between(rng, 0.35, 0.75), between(rng, 0.35, 0.7), between(rng, 0.3, 0.7)}
	weft := warp.towards(rgb{0.9, 0.88, 0.82}, between(rng, 0.1, 0.5))
	return func(x, y, _ float64) rgb {
		u, v := axes(x, y)
		u += 0.004 * n.at(u*4, v*9)
		v += 0.004 * (n+1).at(u*9, v*4)
		fu, fv := u*threads, v*threads
		iu, iv := math.Floor(fu), math.Floor(fv)
		cu, cv := fu-iu-0.5, fv-iv-0.5 // from the crossing's middle
		over := int64(iu+iv)&1 == 0
		c, across, along := weft, cv, cu
		if over {
			c, across, along = warp, cu, cv
		}
		round := math.Sqrt(max(0, 1-3.6*across*across)) // the thread's section
		dip := 1 - 0.9*along*along                      // it sinks towards the next crossing
		fibre := 0.06 * (n+2).at(fu*6, fv*6)
		return c.times(0.35 + 0.6*round*dip + fibre)
	}
}

// printed is paper or sheet with a regular motif in one or two inks.
func printed(rng *rand.Rand, l light) texture {
	n := noise(rng.Uint64())
	axes := turned(between(rng, -0.06, 0.06))
	paper := rgb{0.93, 0.92, 0.89}.times(between(rng, 0.92, 1.02))
	inks := [2]rgb{
		{between(rng, 0.05, 0.35), between(rng, 0.1, 0.45), between(rng, 0.35, 0.75)},
		{between(rng, 0.55, 0.85), between(rng, 0.15, 0.5), between(rng, 0.05, 0.3)},
	}
	period, fill, kind := between(rng, 0.11, 0.18), between(rng, 0.25, 0.36), rng.IntN(3)
	ox, oy := rng.Float64(), rng.Float64()
	return func(x, y, px float64) rgb {
		u, v := axes(x, y)
		fu, fv := u/period+ox, v/period+oy
		iu, iv := math.Floor(fu), math.Floor(fv)
		cu, cv := fu-iu-0.5, fv-iv-0.5
		var edge float64 // signed distance from the motif's outline, in periods, positive inside
		switch kind {
		case 0: // dots
			edge = fill - math.Hypot(cu, cv)
		case 1: // bars
			edge = fill - math.Abs(cv)
			if int64(iv)&1 == 0 {
				edge = min(edge, 0.42-math.Abs(cu))
			}
		default: // diamonds
			edge = fill*1.3 - math.Abs(cu) - math.Abs(cv)
		}
		ink := inks[int64(iu+iv)&1]
		density := 0.92 + 0.06*(n+1).at(x*60, y*60)
		return paper.times(1+0.015*n.at(x*90, y*90)).towards(ink, density*clamp(edge*period/px+0.5))
	}
}

// tile is glazed ceramic laid in a grid with joints.
func tile(rng *rand.Rand, l light) texture {
	n := noise(rng.Uint64())
	axes := turned(between(rng, -0.05, 0.05))
	glaze := rgb{between(rng, 0.55, 0.85), between(rng, 0.6, 0.85), between(rng, 0.6, 0.88)}
	grout := rgb{0.5, 0.49, 0.46}.times(between(rng, 0.7, 1.1))
	period, joint := between(rng, 0.42, 0.62), between(rng, 0.02, 0.032)
	ox, oy := rng.Float64(), rng.Float64()
	return func(x, y, px float64) rgb {
		u, v := axes(x, y)
		fu, fv := u/period+ox, v/period+oy
		iu, iv := math.Floor(fu), math.Floor(fv)
		du := (0.5 - math.Abs(fu-iu-0.5)) * period // to the nearest joint's middle
		dv := (0.5 - math.Abs(fv-iv-0.5)) * period
		d := min(du, dv) - joint/2
		shade := 0.06 * n.lattice(int64(iu), int64(iv))
		mottle := 0.05 * (n+1).fractal(x*9, y*9, 3)
		bevel := 0.12 * math.Exp(-max(d, 0)/0.012)
		c := glaze.times(1 + shade + mottle - bevel)
		g := grout.times(1 + 0.12*(n+2).at(x*80, y*80))
		return g.towards(c, clamp(d/px+0.5))
	}
}
