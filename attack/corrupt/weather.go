package corrupt

import (
	"math"
	"math/rand/v2"
)

var (
	_ = register(ImageNetC, "fog", "a bright cloudy layer", func(p *picture, s int, rng *rand.Rand) {
		strength, decay := [5]float64{1.5, 2, 2.5, 2.5, 3}[s], [5]float64{2, 2, 1.7, 1.5, 1.4}[s]
		top := 0.0
		for _, plane := range p.c {
			for _, v := range plane {
				top = max(top, v)
			}
		}
		cloud := plasma(p.h, p.w, decay, rng)
		for _, plane := range p.c {
			for i := range plane {
				plane[i] = (plane[i] + strength*cloud[i]) * top / (top + strength)
			}
		}
	})
	_ = register(ImageNetC, "frost", "ice crystals over the image (computed, where the original blends photographs)", frost)
	_ = register(ImageNetC, "snow", "falling flakes and a whitened scene", snow)
	_ = register(ImageNetC, "spatter", "drops of water, or of mud at severities 4 and 5", spatter)
)

// frost blends in a texture of crystals: ridges of a rough and a fine plasma, bluish white.
func frost(p *picture, s int, rng *rand.Rand) {
	keep, add := [5]float64{1, .8, .7, .65, .6}[s], [5]float64{.4, .6, .7, .7, .75}[s]
	rough, fine := plasma(p.h, p.w, 1.6, rng), plasma(p.h, p.w, 1.2, rng)
	tint := [3]float64{.85, .93, 1}
	for i := range rough {
		ridge := 1 - math.Abs(2*fine[i]-1)
		ice := min(max(1.6*rough[i]*ridge*ridge, 0), 1)
		for c := range p.c {
			p.c[c][i] = keep*p.c[c][i] + add*tint[c]*ice
		}
	}
}

// snow is ImageNet-C's: a thresholded noise layer, enlarged, blurred along a fall line, added twice (once
// turned by 180°) over a whitened image.
func snow(p *picture, s int, rng *rand.Rand) {
	v := [5][7]float64{{.1, .3, 3, .5, 10, 4, .8}, {.2, .3, 2, .5, 12, 4, .7}, {.55, .3, 4, .9, 12, 8, .7}, {.55, .3, 4.5, .85, 12, 8, .65}, {.55, .3, 2.5, .85, 12, 12, .55}}[s]
	layer := flakes(p, v[0], v[1], rng)
	layer = zoom(layer, p.h, p.w, v[2])
	for i, x := range layer {
		if x < v[3] {
			layer[i] = 0
		}
		layer[i] = min(max(layer[i], 0), 1)
	}
	radius := max(int(p.scale()*v[4]+0.5), 1)
	angle := -math.Pi/4 - rng.Float64()*math.Pi/2
	layer = convolve(layer, p.h, p.w, trail(radius, p.scale()*v[5], angle))
	n := p.h * p.w
	for i := range n {
		gray := 0.299*p.c[0][i] + 0.587*p.c[1][i] + 0.114*p.c[2][i]
		for c := range p.c {
			x := p.c[c][i]
			p.c[c][i] = v[6]*x + (1-v[6])*max(x, 1.5*gray+0.5) + layer[i] + layer[n-1-i]
		}
	}
}

// flakes is Gaussian noise with a grain of one ImageNet-C pixel.
func flakes(p *picture, mean, sigma float64, rng *rand.Rand) []float64 {
	grain := max(p.scale(), 1e-9)
	gh, gw := max(int(float64(p.h)/grain), 1), max(int(float64(p.w)/grain), 1)
	g := make([]float64, gh*gw)
	for i := range g {
		g[i] = mean + sigma*rng.NormFloat64()
	}
	out := make([]float64, p.h*p.w)
	for i := range out {
		y, x := i/p.w*gh/p.h, i%p.w*gw/p.w
		out[i] = g[y*gw+x]
	}
	return out
}

// spatter covers the image with drops where blurred noise passes a threshold: bright with a highlight at
// one edge for water, brown for mud.
func spatter(p *picture, s int, rng *rand.Rand) {
	v := [5][5]float64{{.65, .3, 4, .69, .6}, {.65, .3, 3, .68, .6}, {.65, .3, 2, .68, .5}, {.65, .3, 1, .65, 1.5}, {.67, .4, 1, .65, 1.5}}[s]
	liquid := gauss(flakes(p, v[0], v[1], rng), p.h, p.w, p.scale()*v[2])
	color := [3]float64{175. / 255, 238. / 255, 238. / 255}
	if s >= 3 {
		color = [3]float64{63. / 255, 42. / 255, 20. / 255}
	}
	cover := make([]float64, len(liquid))
	for i, x := range liquid {
		if x >= v[3] {
			cover[i] = 1
			if s < 3 { // water: stronger where it is thicker, lit from the upper left
				d := x - liquid[max(i-p.w-1, 0)]
				cover[i] = min(v[4]*(0.5+0.5*(x-v[3])/max(1-v[3], 1e-9))+3*max(d, 0), 1)
			}
		}
	}
	if s >= 3 {
		cover = gauss(cover, p.h, p.w, p.scale()*v[4])
		for i, x := range cover {
			if x < 0.5 {
				cover[i] = 0
			}
		}
	}
	for c, plane := range p.c {
		for i, m := range cover {
			plane[i] = plane[i]*(1-m) + color[c]*m
		}
	}
}
