package corrupt

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
)

var (
	_ = register(ImageNetC, "contrast", "contrast lowered about each channel's mean", func(p *picture, s int, _ *rand.Rand) {
		keep := [5]float64{.4, .3, .2, .1, .05}[s]
		for _, plane := range p.c {
			mean := 0.0
			for _, v := range plane {
				mean += v / float64(len(plane))
			}
			for i, v := range plane {
				plane[i] = (v-mean)*keep + mean
			}
		}
	})
	_ = register(ImageNetC, "brightness", "HSV value raised", func(p *picture, s int, _ *rand.Rand) {
		add := [5]float64{.1, .2, .3, .4, .5}[s]
		p.hsv(func(sat, val float64) (float64, float64) { return sat, min(val+add, 1) })
	})
	_ = register(ImageNetC, "saturate", "HSV saturation lowered or raised", func(p *picture, s int, _ *rand.Rand) {
		times, add := [5]float64{.3, .1, 2, 5, 20}[s], [5]float64{0, 0, 0, .1, .2}[s]
		p.hsv(func(sat, val float64) (float64, float64) { return min(max(sat*times+add, 0), 1), val })
	})
	_ = register(ImageNetC, "jpeg_compression", "JPEG at low quality", func(p *picture, s int, _ *rand.Rand) {
		p.jpeg([5]int{25, 18, 15, 10, 7}[s])
	})
	_ = register(ImageNetC, "pixelate", "averaged over coarse cells", func(p *picture, s int, _ *rand.Rand) {
		p.pixelate([5]float64{.6, .5, .4, .3, .25}[s])
	})
	_ = register(ImageNetC, "elastic_transform", "a smooth random warp after a small affine one", elastic)
)

// hsv changes saturation and value of every pixel and keeps its hue. A grey pixel has hue 0 (red).
func (p *picture) hsv(f func(sat, val float64) (float64, float64)) {
	for i := range p.c[0] {
		v := [3]float64{p.c[0][i], p.c[1][i], p.c[2][i]}
		hi, lo := max(v[0], v[1], v[2]), min(v[0], v[1], v[2])
		sat := 0.0
		if hi > 0 {
			sat = (hi - lo) / hi
		}
		sat2, val := f(sat, hi)
		for c, x := range v {
			t := 0.0 // how far the channel is from the largest, as a share of the spread
			if hi > lo {
				t = (hi - x) / (hi - lo)
			} else if c > 0 {
				t = 1
			}
			p.c[c][i] = val * (1 - sat2*t)
		}
	}
}

// jpeg encodes and decodes.
func (p *picture) jpeg(quality int) {
	img := image.NewNRGBA(image.Rect(0, 0, p.w, p.h))
	for i := range p.c[0] {
		for c := range p.c {
			img.Pix[4*i+c] = uint8(math.RoundToEven(min(max(p.c[c][i], 0), 1) * 255))
		}
		img.Pix[4*i+3] = 255
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		return // larger than JPEG allows (65,535 pixels a side): left as it is
	}
	out, err := jpeg.Decode(&b)
	if err != nil {
		return
	}
	for i := range p.c[0] {
		r, g, bl, _ := out.At(i%p.w, i/p.w).RGBA()
		for c, v := range [3]uint32{r, g, bl} {
			p.c[c][i] = float64(v) / 65535
		}
	}
}

// pixelate averages over the cells of an image share times as large in each direction. Above 224 pixels
// the cells grow with the image; below they keep their size in pixels, since smaller would be none.
func (p *picture) pixelate(share float64) {
	share /= max(p.scale(), 1)
	gh, gw := max(int(share*float64(p.h)), 1), max(int(share*float64(p.w)), 1)
	p.filter(func(v []float64) []float64 {
		small := shrink(v, p.h, p.w, gh, gw)
		for i := range v {
			v[i] = small[i/p.w*gh/p.h*gw+i%p.w*gw/p.w]
		}
		return v
	})
}

// elastic moves pixels by Gaussian-smoothed random fields after an affine warp of three corners.
func elastic(p *picture, s int, rng *rand.Rand) {
	side := float64(min(p.h, p.w))
	strength := side * [5]float64{2, 2, .05, .07, .12}[s]
	sigma := side * [5]float64{.7, .08, .01, .01, .01}[s]
	shake := side * [5]float64{.1, .2, .02, .02, .02}[s]
	dy, dx := field(p, sigma, strength, rng), field(p, sigma, strength, rng)
	a := affine(shake, side, rng)
	cy, cx := float64(p.h-1)/2, float64(p.w-1)/2
	p.filter(func(v []float64) []float64 {
		out := make([]float64, len(v))
		for i := range v {
			y, x := float64(i/p.w)-cy+dy[i], float64(i%p.w)-cx+dx[i]
			out[i] = sample(v, p.h, p.w, cy+y+a[0]*y+a[1]*x+a[2], cx+x+a[3]*y+a[4]*x+a[5])
		}
		return out
	})
}

// field is uniform noise in [−1,1] smoothed and scaled.
func field(p *picture, sigma, strength float64, rng *rand.Rand) []float64 {
	f := make([]float64, p.h*p.w)
	for i := range f {
		f[i] = 2*rng.Float64() - 1
	}
	f = gauss(f, p.h, p.w, sigma)
	for i := range f {
		f[i] *= strength
	}
	return f
}

// affine draws a small affine map: three points of a triangle of a third of the side move by up to shake.
func affine(shake, side float64, rng *rand.Rand) (a [6]float64) {
	u := func() float64 { return shake * (2*rng.Float64() - 1) }
	third := side / 3
	for k := 0; k < 6; k += 3 {
		m0, m1, m2 := u(), u(), u()
		a[k], a[k+1], a[k+2] = (m1-m0)/(2*third), (m2-m0)/(2*third), (m1+m2)/2
	}
	return a
}
