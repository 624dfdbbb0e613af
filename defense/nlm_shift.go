package defense

import "math"

// shifter computes patch distances between a picture and itself shifted.
type shifter struct {
	src     Picture
	r       int       // patch radius
	diff    []float64 // squared difference of pixels, summed over channels
	w       []float64
	columns []float64
}

func newShifter(src Picture, patch int) *shifter {
	n := src.H * src.W
	return &shifter{src: src, r: patch / 2, diff: make([]float64, n), w: make([]float64, n), columns: make([]float64, n)}
}

// eachPair visits the pixels p whose shifted partner q lies inside the picture.
func (s *shifter) eachPair(dy, dx int, visit func(p, q int)) {
	h, w := s.src.H, s.src.W
	for y := max(0, -dy); y < min(h, h-dy); y++ {
		for x := max(0, -dx); x < min(w, w-dx); x++ {
			visit(y*w+x, (y+dy)*w+x+dx)
		}
	}
}

// partner is the pixel that x+shift means, edges repeated.
func (s *shifter) partner(y, x, dy, dx int) int {
	return min(max(y+dy, 0), s.src.H-1)*s.src.W + min(max(x+dx, 0), s.src.W-1)
}

// weights returns exp(−D/h²) for every pixel and this shift: D is the mean over the patch, whose samples beyond the
// border repeat the edge's difference.
func (s *shifter) weights(dy, dx int, h float64) []float64 {
	n := s.src.H * s.src.W
	r, g, b := s.src.Pix[:n], s.src.Pix[n:2*n], s.src.Pix[2*n:3*n]
	for y := range s.src.H {
		for x := range s.src.W {
			p, q := y*s.src.W+x, s.partner(y, x, dy, dx)
			d0, d1, d2 := float64(r[p])-float64(r[q]), float64(g[p])-float64(g[q]), float64(b[p])-float64(b[q])
			s.diff[p] = d0*d0 + d1*d1 + d2*d2
		}
	}
	s.box(s.w, s.diff)
	for i, d := range s.w {
		if d *= 1 / (h * h); d > 60 { // e⁻⁶⁰ is nothing beside the pixel's own weight of one
			s.w[i] = 0
		} else {
			s.w[i] = math.Exp(-d)
		}
	}
	return s.w
}

// box writes to dst the patch mean of src, also divided by the three channels.
func (s *shifter) box(dst, src []float64) {
	h, w := s.src.H, s.src.W
	side := float64(2*s.r + 1)
	scale := 1 / (3 * side * side)
	for y := range h {
		col := s.columns[y*w : (y+1)*w]
		clear(col)
		for d := -s.r; d <= s.r; d++ {
			at := min(max(y+d, 0), h-1) * w
			for x, v := range src[at : at+w] {
				col[x] += v
			}
		}
		out := dst[y*w : (y+1)*w]
		for x := range out {
			sum := 0.0
			if x >= s.r && x+s.r < w {
				for _, v := range col[x-s.r : x+s.r+1] {
					sum += v
				}
			} else {
				for d := -s.r; d <= s.r; d++ {
					sum += col[min(max(x+d, 0), w-1)]
				}
			}
			out[x] = sum * scale
		}
	}
}

// boxAdjoint is the transpose of box.
func (s *shifter) boxAdjoint(dst, g []float64) {
	h, w := s.src.H, s.src.W
	side := float64(2*s.r + 1)
	clear(s.columns)
	clear(dst)
	for y := range h {
		for x := range w {
			v := g[y*w+x] / (3 * side * side)
			for d := -s.r; d <= s.r; d++ {
				s.columns[y*w+min(max(x+d, 0), w-1)] += v
			}
		}
	}
	for y := range h {
		for x := range w {
			for d := -s.r; d <= s.r; d++ {
				dst[min(max(y+d, 0), h-1)*w+x] += s.columns[y*w+x]
			}
		}
	}
}

// pullDistance adds to grad the gradient of the distances of this shift, slope being the gradient at them.
func (s *shifter) pullDistance(dy, dx int, slope, grad []float64) {
	s.boxAdjoint(s.diff, slope)
	n := s.src.H * s.src.W
	for y := range s.src.H {
		for x := range s.src.W {
			p, q := y*s.src.W+x, s.partner(y, x, dy, dx)
			for c := range 3 {
				g := 2 * s.diff[p] * (float64(s.src.Pix[c*n+p]) - float64(s.src.Pix[c*n+q]))
				grad[c*n+p] += g
				grad[c*n+q] -= g
			}
		}
	}
}
