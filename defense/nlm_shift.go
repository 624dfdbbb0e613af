package defense

import "github.com/plumbline-ml/plumbline/internal/kernel"

// shifter computes patch distances between a picture and itself shifted.
type shifter struct {
	src     Picture
	r       int       // patch radius
	diff    []float32 // squared difference of pixels, summed over channels; then the gradient at it
	w       []float32
	columns []float32
}

func newShifter(src Picture, patch int) *shifter {
	n := src.H * src.W
	return &shifter{src: src, r: patch / 2, diff: make([]float32, n), w: make([]float32, n), columns: make([]float32, n)}
}

// eachPair visits all pixels in runs: p … p+n−1 against q … q+n−1, where a partner outside the picture is the nearest
// pixel inside.
func (s *shifter) eachPair(dy, dx int, visit func(p, q, n int)) {
	h, w := s.src.H, s.src.W
	lo := min(max(0, -dx), w)
	hi := max(min(w, w-dx), lo)
	for y := range h {
		row, partner := y*w, min(max(y+dy, 0), h-1)*w
		for x := range lo {
			visit(row+x, partner+min(max(x+dx, 0), w-1), 1)
		}
		if hi > lo {
			visit(row+lo, partner+lo+dx, hi-lo)
		}
		for x := hi; x < w; x++ {
			visit(row+x, partner+min(max(x+dx, 0), w-1), 1)
		}
	}
}

// weights returns exp(−D/h²) for every pixel and this shift: D is the mean over the patch and the channels, whose samples
// beyond the border repeat the edge's difference.
func (s *shifter) weights(dy, dx int, h float64) []float32 {
	s.eachPair(dy, dx, func(p, q, n int) { squaredDifference(s.diff[p:p+n], s.src, p, q) })
	s.box(s.w, s.diff)
	side := float64(2*s.r + 1)
	kernel.Scale(s.w, float32(-1/(3*side*side*h*h)), s.w)
	exponentials(s.w)
	return s.w
}

// box writes to dst the patch sum of src.
func (s *shifter) box(dst, src []float32) {
	h, w := s.src.H, s.src.W
	for y := range h {
		col := s.columns[y*w : (y+1)*w]
		copy(col, src[y*w:])
		for d := 1; d <= s.r; d++ {
			above, below := max(y-d, 0)*w, min(y+d, h-1)*w
			kernel.AddTo(col, src[above:above+w])
			kernel.AddTo(col, src[below:below+w])
		}
		out := dst[y*w : (y+1)*w]
		copy(out, col)
		for d := 1; d <= s.r; d++ {
			shiftAdd(out, col, d)
		}
	}
}

// shiftAdd adds to out both neighbours at distance d in row, edges repeated.
func shiftAdd(out, row []float32, d int) {
	w := len(row)
	d = min(d, w)
	kernel.AddTo(out[d:], row[:w-d])
	kernel.AddTo(out[:w-d], row[d:])
	for x := range d {
		out[x] += row[0]
		out[w-1-x] += row[w-1]
	}
}

// boxAdjoint is the transpose of box.
func (s *shifter) boxAdjoint(dst, g []float32) {
	h, w := s.src.H, s.src.W
	clear(dst)
	for y := range h {
		row := g[y*w : (y+1)*w]
		col := s.columns[y*w : (y+1)*w]
		copy(col, row)
		for d := 1; d <= s.r; d++ {
			shiftAddAdjoint(col, row, min(d, w))
		}
		kernel.AddTo(dst[y*w:(y+1)*w], col)
		for d := 1; d <= s.r; d++ {
			above, below := max(y-d, 0)*w, min(y+d, h-1)*w
			kernel.AddTo(dst[above:above+w], col)
			kernel.AddTo(dst[below:below+w], col)
		}
	}
}

func shiftAddAdjoint(out, g []float32, d int) {
	w := len(g)
	kernel.AddTo(out[:w-d], g[d:])
	kernel.AddTo(out[d:], g[:w-d])
	for x := range d {
		out[0] += g[x]
		out[w-1] += g[w-1-x]
	}
}

// pullDistance adds the gradient that reaches the pixels through the distances of this shift, slope being that at D.
func (s *shifter) pullDistance(m *meanGradient, dy, dx int, slope []float32) {
	s.boxAdjoint(s.diff, slope)
	side := float32(2*s.r + 1)
	kernel.Scale(s.diff, 1/(3*side*side), s.diff)
	s.eachPair(dy, dx, func(p, q, n int) { m.differences(p, q, s.diff[p:p+n]) })
}
