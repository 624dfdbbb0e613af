package surfaces

import "math"

// noise is smooth random variation of the plane, keyed by a seed: values of a hash at the points of the
// integer lattice, blended with a quintic (K. Perlin, "Improving noise", 2002). Range about −1 to 1.
type noise uint64

func (n noise) lattice(x, y int64) float64 {
	h := uint64(n) ^ uint64(x)*0x9e3779b97f4a7c15 ^ uint64(y)*0xc2b2ae3d27d4eb4f
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	h ^= h >> 32
	return float64(h>>11)/(1<<52) - 1
}

func (n noise) at(x, y float64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	ix, iy := int64(fx), int64(fy)
	u, v := fade(x-fx), fade(y-fy)
	a, b := n.lattice(ix, iy), n.lattice(ix+1, iy)
	c, d := n.lattice(ix, iy+1), n.lattice(ix+1, iy+1)
	top, bottom := a+u*(b-a), c+u*(d-c)
	return top + v*(bottom-top)
}

func fade(t float64) float64 { return t * t * t * (t*(t*6-15) + 10) }

// fractal adds octaves of double frequency and half amplitude.
func (n noise) fractal(x, y float64, octaves int) float64 {
	var sum, norm float64
	amplitude := 1.0
	for o := range octaves {
		sum += amplitude * (n+noise(o)*0x51ed27).at(x, y)
		norm += amplitude
		x, y, amplitude = 2*x+17.3, 2*y-9.1, amplitude/2
	}
	return sum / norm
}

// ramp rises from 0 at a to 1 at b without corners; it falls if b < a.
func ramp(a, b, x float64) float64 {
	t := clamp((x - a) / (b - a))
	return t * t * (3 - 2*t)
}

func clamp(x float64) float64 { return min(max(x, 0), 1) }
