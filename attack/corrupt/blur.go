package corrupt

import (
	"math"
	"math/rand/v2"
)

var (
	_ = register(ImageNetC, "gaussian_blur", "Gaussian blur", func(p *picture, s int, _ *rand.Rand) {
		sigma := p.scale() * [5]float64{1, 2, 3, 4, 6}[s]
		p.filter(func(v []float64) []float64 { return gauss(v, p.h, p.w, sigma) })
	})
	_ = register(ImageNetC, "defocus_blur", "blur by a disk, as of a lens out of focus", func(p *picture, s int, _ *rand.Rand) {
		radius := p.scale() * [5]float64{3, 4, 6, 8, 10}[s]
		soft := p.scale() * [5]float64{.1, .5, .5, .5, .5}[s]
		p.filter(func(v []float64) []float64 { return gauss(convolve(v, p.h, p.w, disk(radius)), p.h, p.w, soft) })
	})
	_ = register(ImageNetC, "glass_blur", "pixels exchanged with near ones, as through frosted glass", glass)
	_ = register(ImageNetC, "motion_blur", "a trail at a random angle", func(p *picture, s int, rng *rand.Rand) {
		radius := max(int(p.scale()*[5]float64{10, 15, 15, 15, 20}[s]+0.5), 1)
		sigma := p.scale() * [5]float64{3, 5, 8, 12, 15}[s]
		kernel := trail(radius, sigma, (2*rng.Float64()-1)*math.Pi/4)
		p.filter(func(v []float64) []float64 { return convolve(v, p.h, p.w, kernel) })
	})
	_ = register(ImageNetC, "zoom_blur", "the mean of growing enlargements", func(p *picture, s int, _ *rand.Rand) {
		last, step := [5]float64{1.11, 1.16, 1.21, 1.26, 1.31}[s], [5]float64{.01, .01, .02, .02, .03}[s]
		p.filter(func(v []float64) []float64 {
			out, n := append([]float64(nil), v...), 1.0
			for f := 1.0; f < last-1e-9; f += step {
				for i, z := range zoom(v, p.h, p.w, f) {
					out[i] += z
				}
				n++
			}
			for i := range out {
				out[i] /= n
			}
			return out
		})
	})
)

// filter replaces every plane.
func (p *picture) filter(f func([]float64) []float64) {
	for c, plane := range p.c {
		p.c[c] = f(plane)
	}
}

// glass blurs, exchanges every pixel with a random one nearby a few times, and blurs again.
func glass(p *picture, s int, rng *rand.Rand) {
	sigma := p.scale() * [5]float64{.7, .9, 1, 1.1, 1.5}[s]
	reach := max(int(p.scale()*[5]float64{1, 2, 2, 3, 4}[s]+0.5), 1)
	blur := func(v []float64) []float64 { return gauss(v, p.h, p.w, sigma) }
	p.filter(blur)
	for range [5]int{2, 1, 3, 2, 2}[s] {
		for y := p.h - 1; y >= 0; y-- {
			for x := p.w - 1; x >= 0; x-- {
				dy, dx := rng.IntN(2*reach+1)-reach, rng.IntN(2*reach+1)-reach
				i, j := y*p.w+x, reflect(y+dy, p.h)*p.w+reflect(x+dx, p.w)
				for c := range p.c {
					p.c[c][i], p.c[c][j] = p.c[c][j], p.c[c][i]
				}
			}
		}
	}
	p.filter(blur)
}
