package corrupt

import (
	"math"
	"math/rand/v2"
)

// reflect maps a coordinate outside 0 … n−1 back inside by mirroring at the edges.
func reflect(i, n int) int {
	if n == 1 {
		return 0
	}
	period := 2 * (n - 1)
	i = ((i % period) + period) % period
	if i >= n {
		i = period - i
	}
	return i
}

// gauss blurs a plane by a Gaussian, cut at four standard deviations, mirrored at the edges.
func gauss(plane []float64, h, w int, sigma float64) []float64 {
	if sigma < 1e-3 {
		return append([]float64(nil), plane...)
	}
	r := max(int(4*sigma+0.5), 1)
	k, sum := make([]float64, 2*r+1), 0.0
	for i := range k {
		d := float64(i-r) / sigma
		k[i] = math.Exp(-d * d / 2)
		sum += k[i]
	}
	for i := range k {
		k[i] /= sum
	}
	rows, out := make([]float64, len(plane)), make([]float64, len(plane))
	for y := range h {
		for x := range w {
			for i, v := range k {
				rows[y*w+x] += v * plane[y*w+reflect(x+i-r, w)]
			}
		}
	}
	for y := range h {
		for i, v := range k {
			from := rows[reflect(y+i-r, h)*w:][:w]
			to := out[y*w:][:w]
			for x := range w {
				to[x] += v * from[x]
			}
		}
	}
	return out
}

// tap is one weight of a sparse kernel.
type tap struct {
	dy, dx int
	weight float64
}

// convolve applies a sparse kernel, given row by row, whose weights are normalised first. Runs of equal
// weights in a row cost as much as one, by prefix sums.
func convolve(plane []float64, h, w int, kernel []tap) []float64 {
	sum := 0.0
	for _, k := range kernel {
		sum += k.weight
	}
	out, prefix := make([]float64, len(plane)), []float64(nil)
	for from := 0; from < len(kernel); {
		k, to := kernel[from], from+1
		for to < len(kernel) && kernel[to].dy == k.dy && kernel[to].weight == k.weight && kernel[to].dx == kernel[to-1].dx+1 {
			to++
		}
		n := to - from
		for y := range h {
			row := plane[reflect(y+k.dy, h)*w:][:w]
			prefix = append(prefix[:0], 0)
			for x := range w + n - 1 {
				prefix = append(prefix, prefix[x]+row[reflect(x+k.dx, w)])
			}
			for x := range w {
				out[y*w+x] += k.weight / sum * (prefix[x+n] - prefix[x])
			}
		}
		from = to
	}
	return out
}

// disk is a filled circle with a soft edge of one pixel.
func disk(radius float64) []tap {
	r := int(math.Ceil(radius)) + 1
	var k []tap
	for y := -r; y <= r; y++ {
		for x := -r; x <= r; x++ {
			if v := min(max(radius+0.5-math.Hypot(float64(y), float64(x)), 0), 1); v > 0 {
				k = append(k, tap{y, x, v})
			}
		}
	}
	return k
}

// trail is half a Gaussian along a line that starts at the pixel, as motion leaves it.
func trail(radius int, sigma, angle float64) []tap {
	sin, cos := math.Sincos(angle)
	var k []tap
	for i := range 2*radius + 1 {
		d := float64(i) / max(sigma, 1e-6)
		k = append(k, tap{int(math.Round(float64(i) * sin)), int(math.Round(float64(i) * cos)), math.Exp(-d * d / 2)})
	}
	return k
}

// sample reads a plane between pixels, bilinearly, mirrored at the edges.
func sample(plane []float64, h, w int, y, x float64) float64 {
	fy, fx := math.Floor(y), math.Floor(x)
	ty, tx := y-fy, x-fx
	at := func(i, j int) float64 { return plane[reflect(int(fy)+i, h)*w+reflect(int(fx)+j, w)] }
	return (1-ty)*((1-tx)*at(0, 0)+tx*at(0, 1)) + ty*((1-tx)*at(1, 0)+tx*at(1, 1))
}

// zoom enlarges the middle of a plane by a factor.
func zoom(plane []float64, h, w int, factor float64) []float64 {
	out := make([]float64, len(plane))
	cy, cx := float64(h-1)/2, float64(w-1)/2
	for y := range h {
		for x := range w {
			out[y*w+x] = sample(plane, h, w, cy+(float64(y)-cy)/factor, cx+(float64(x)-cx)/factor)
		}
	}
	return out
}

// plasma is a cloudy texture in [0,1] by diamond-square midpoint displacement; the displacement falls by
// decay with every halving. It is made on the smallest grid of 2ⁿ that covers 256 cells and sampled, so
// that its look does not depend on the image's size.
func plasma(h, w int, decay float64, rng *rand.Rand) []float64 {
	const n = 256
	m := make([]float64, n*n)
	at := func(y, x int) *float64 { return &m[(y&(n-1))*n+x&(n-1)] }
	for step, wobble := n, 100.0; step > 1; step, wobble = step/2, wobble/decay {
		half := step / 2
		for y := 0; y < n; y += step {
			for x := 0; x < n; x += step {
				*at(y+half, x+half) = (*at(y, x)+*at(y+step, x)+*at(y, x+step)+*at(y+step, x+step))/4 + wobble*(2*rng.Float64()-1)
			}
		}
		for y := 0; y < n; y += step {
			for x := 0; x < n; x += step {
				*at(y, x+half) = (*at(y, x)+*at(y, x+step)+*at(y-half, x+half)+*at(y+half, x+half))/4 + wobble*(2*rng.Float64()-1)
				*at(y+half, x) = (*at(y, x)+*at(y+step, x)+*at(y+half, x-half)+*at(y+half, x+half))/4 + wobble*(2*rng.Float64()-1)
			}
		}
	}
	lo, hi := m[0], m[0]
	for _, v := range m {
		lo, hi = min(lo, v), max(hi, v)
	}
	for i := range m {
		m[i] = (m[i] - lo) / max(hi-lo, 1e-12)
	}
	out := make([]float64, h*w)
	unit := float64(n-2) / float64(max(h, w))
	for i := range out {
		out[i] = sample(m, n, n, float64(i/w)*unit, float64(i%w)*unit)
	}
	return out
}

// shrink averages a plane over the cells of a gh×gw grid, with the share of every pixel in a cell.
func shrink(plane []float64, h, w, gh, gw int) []float64 {
	rows := make([]float64, gh*w)
	for y := range gh {
		covered(y, gh, h, func(i int, share float64) {
			for x := range w {
				rows[y*w+x] += share * plane[i*w+x]
			}
		})
	}
	out := make([]float64, gh*gw)
	for x := range gw {
		covered(x, gw, w, func(i int, share float64) {
			for y := range gh {
				out[y*gw+x] += share * rows[y*w+i]
			}
		})
	}
	return out
}

// covered calls f with every one of n pixels that cell k of g overlaps, and its share of the cell.
func covered(k, g, n int, f func(i int, share float64)) {
	size := float64(n) / float64(g)
	lo, hi := float64(k)*size, float64(k+1)*size
	for i := int(lo); i < n && float64(i) < hi; i++ {
		if part := min(hi, float64(i+1)) - max(lo, float64(i)); part > 0 {
			f(i, part/size)
		}
	}
}
