package corrupt

import (
	"math"
	"math/rand/v2"
)

// What goes wrong in front of an inspection camera. Severities are ours: 1 is what a line tolerates, 5
// what it would stop for.
var (
	_ = register(Inspection, "overexposure", "exposure raised by 0.3 to 2 stops in linear light", func(p *picture, s int, _ *rand.Rand) {
		p.expose([5]float64{.3, .6, 1, 1.5, 2}[s])
	})
	_ = register(Inspection, "underexposure", "exposure lowered by 0.5 to 3 stops in linear light", func(p *picture, s int, _ *rand.Rand) {
		p.expose(-[5]float64{.5, 1, 1.5, 2.2, 3}[s])
	})
	_ = register(Inspection, "defocus", "a disk of 0.4 to 4 % of the shorter side", func(p *picture, s int, _ *rand.Rand) {
		radius := float64(min(p.h, p.w)) * [5]float64{.004, .008, .015, .025, .04}[s]
		p.filter(func(v []float64) []float64 { return convolve(v, p.h, p.w, disk(radius)) })
	})
	_ = register(Inspection, "glare", "a specular highlight with its bloom, on a random line", glare)
	_ = register(Inspection, "dust", "dark soft specks on lens or part", dust)
	_ = register(Inspection, "scratch", "thin bright and dark curves", scratch)
	_ = register(Inspection, "sensor_noise", "photon and read noise with faint row banding, in linear light", sensor)
	_ = register(Inspection, "jpeg", "JPEG at quality 70 down to 10", func(p *picture, s int, _ *rand.Rand) {
		p.jpeg([5]int{70, 50, 30, 20, 10}[s])
	})
	_ = register(Inspection, "resampling", "reduced to 80 down to 25 % and enlarged again bilinearly", resampling)
)

// linear and gamma convert between sRGB values and linear light.
func linear(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func gamma(v float64) float64 {
	v = min(max(v, 0), 1)
	if v <= 0.0031308 {
		return 12.92 * v
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}

func (p *picture) expose(stops float64) {
	gain := math.Exp2(stops)
	p.each(func(v float64) float64 { return gamma(gain * linear(v)) })
}

// glare adds an elongated Gaussian highlight and a bloom four times as wide.
func glare(p *picture, s int, rng *rand.Rand) {
	peak, size := [5]float64{.3, .6, 1, 1.6, 2.5}[s], float64(min(p.h, p.w))*[5]float64{.03, .05, .07, .1, .14}[s]
	cy, cx := rng.Float64()*float64(p.h), rng.Float64()*float64(p.w)
	sin, cos := math.Sincos(rng.Float64() * math.Pi)
	for i := range p.c[0] {
		dy, dx := float64(i/p.w)-cy, float64(i%p.w)-cx
		along, across := (cos*dx+sin*dy)/(4*size), (cos*dy-sin*dx)/size
		d := along*along + across*across
		light := peak * (math.Exp(-d/2) + 0.25*math.Exp(-d/32))
		for c := range p.c {
			p.c[c][i] = gamma(linear(p.c[c][i]) + light)
		}
	}
}

// dust darkens soft round specks.
func dust(p *picture, s int, rng *rand.Rand) {
	side := float64(min(p.h, p.w))
	for range [5]int{4, 8, 16, 28, 45}[s] {
		r := side * (0.004 + 0.02*rng.Float64()*rng.Float64())
		depth := 0.3 + 0.6*rng.Float64()
		p.spot(rng.Float64()*float64(p.h), rng.Float64()*float64(p.w), r, func(v, m float64) float64 { return v * (1 - depth*m) })
	}
}

// spot changes pixels within a soft disk; m falls from 1 to 0 over its edge.
func (p *picture) spot(cy, cx, r float64, f func(v, m float64) float64) {
	for y := max(int(cy-2*r-1), 0); y <= min(int(cy+2*r+1), p.h-1); y++ {
		for x := max(int(cx-2*r-1), 0); x <= min(int(cx+2*r+1), p.w-1); x++ {
			d := math.Hypot(float64(y)-cy, float64(x)-cx) / max(r, 0.5)
			m := 1 / (1 + math.Exp(6*(d-1)))
			for c := range p.c {
				p.c[c][y*p.w+x] = f(p.c[c][y*p.w+x], m)
			}
		}
	}
}

// scratch draws slightly bent lines with a bright and a dark edge.
func scratch(p *picture, s int, rng *rand.Rand) {
	side := float64(min(p.h, p.w))
	for range [5]int{1, 2, 3, 5, 8}[s] {
		y, x := rng.Float64()*float64(p.h), rng.Float64()*float64(p.w)
		angle, bend := rng.Float64()*2*math.Pi, 0.6*(2*rng.Float64()-1)
		length := side * (0.2 + 0.5*rng.Float64())
		width := max(side*0.002*(1+rng.Float64()), 0.4)
		strength := 0.3 + 0.4*rng.Float64()
		for t := 0.0; t < length; t += 0.5 {
			sin, cos := math.Sincos(angle + bend*t/length)
			y, x = y+0.5*sin, x+0.5*cos
			p.spot(y, x, width, func(v, m float64) float64 { return v + 0.4*strength*m*(1-v) })
			p.spot(y+2*width*cos, x-2*width*sin, width, func(v, m float64) float64 { return v * (1 - 0.3*strength*m) })
		}
	}
}

// sensor adds the noise of a camera of a full well of some thousand electrons.
func sensor(p *picture, s int, rng *rand.Rand) {
	electrons, read := [5]float64{4000, 1500, 600, 250, 100}[s], [5]float64{.002, .004, .008, .014, .022}[s]
	for _, plane := range p.c {
		for y := range p.h {
			band := 0.5 * read * rng.NormFloat64()
			for x := range p.w {
				i := y*p.w + x
				plane[i] = gamma(poisson(rng, electrons*linear(plane[i]))/electrons + read*rng.NormFloat64() + band)
			}
		}
	}
}

// resampling averages over the cells of a smaller image and reads it back bilinearly.
func resampling(p *picture, s int, _ *rand.Rand) {
	share := [5]float64{.8, .65, .5, .35, .25}[s]
	gh, gw := max(int(share*float64(p.h)), 1), max(int(share*float64(p.w)), 1)
	p.filter(func(v []float64) []float64 {
		small := shrink(v, p.h, p.w, gh, gw)
		out := make([]float64, len(v))
		for i := range out {
			y := (float64(i/p.w)+0.5)*float64(gh)/float64(p.h) - 0.5
			x := (float64(i%p.w)+0.5)*float64(gw)/float64(p.w) - 0.5
			out[i] = sample(small, gh, gw, min(max(y, 0), float64(gh-1)), min(max(x, 0), float64(gw-1)))
		}
		return out
	})
}
