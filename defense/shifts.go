package defense

import "github.com/plumbline-ml/plumbline/internal/kernel"

// eachShift visits the displacements of a window of radius r.
func eachShift(r int, visit func(dy, dx int)) {
	for dy := -r; dy <= r; dy++ {
		for dx := -r; dx <= r; dx++ {
			visit(dy, dx)
		}
	}
}

// eachRun visits the runs of n pixels from p on, row by row, whose partners p+dy·w+dx lie inside a picture of h×w.
func eachRun(h, w, dy, dx int, visit func(p, n int)) {
	lo, hi := max(0, -dx), min(w, w-dx)
	if lo >= hi {
		return
	}
	for y := max(0, -dy); y < min(h, h-dy); y++ {
		visit(y*w+lo, hi-lo)
	}
}

// squaredDifference writes to d the squared distance of colours of the n pixels from p on and those from q on.
func squaredDifference(d []float32, src Picture, p, q int) {
	n := len(d)
	a0, a1, a2 := src.plane(0)[p:][:n], src.plane(1)[p:][:n], src.plane(2)[p:][:n]
	b0, b1, b2 := src.plane(0)[q:][:n], src.plane(1)[q:][:n], src.plane(2)[q:][:n]
	for i := range d {
		x, y, z := a0[i]-b0[i], a1[i]-b1[i], a2[i]-b2[i]
		d[i] = x*x + y*y + z*z
	}
}

// exponentials replaces the exponents w ≤ 0 by eʷ. Those below −60 count as −60: beside a pixel's own weight of one that is
// nothing, and it keeps clear of subnormal numbers, which are slow.
func exponentials(w []float32) {
	for i, v := range w {
		if v < -60 {
			w[i] = -60
		}
	}
	kernel.Map(kernel.Exp, w, w)
}

// weighted accumulates a mean: total += w, and sum += w·(the colours from q on) for the pixels from p on.
func weighted(total []float32, sum, src Picture, p, q int, w []float32) {
	n := len(w)
	t, s0, s1, s2 := total[p:][:n], sum.plane(0)[p:][:n], sum.plane(1)[p:][:n], sum.plane(2)[p:][:n]
	x0, x1, x2 := src.plane(0)[q:][:n], src.plane(1)[q:][:n], src.plane(2)[q:][:n]
	for i, f := range w {
		t[i] += f
		s0[i] += f * x0[i]
		s1[i] += f * x1[i]
		s2[i] += f * x2[i]
	}
}

// meanGradient is the backward pass of out_p = Σ_q w_pq I_q / Σ_q w_pq, run by run.
type meanGradient struct {
	src  Picture
	g    Picture   // gradient at out, divided by the sum of the weights
	base []float32 // ⟨g_p, out_p⟩
	grad Picture   // gradient at src
}

func newMeanGradient(src, out Picture, total, dout []float32) *meanGradient {
	m := &meanGradient{src, src.like(), make([]float32, src.H*src.W), src.like()}
	for c := range 3 {
		g, o := m.g.plane(c), out.plane(c)
		for i, t := range total {
			g[i] = dout[c*len(total)+i] / t
			m.base[i] += g[i] * o[i]
		}
	}
	return m
}

// values adds the gradient that reaches I_q as a value, and writes to slope the gradient at the weights: ⟨g_p, I_q − out_p⟩.
func (m *meanGradient) values(slope []float32, p, q int, w []float32) {
	n := len(w)
	g0, g1, g2 := m.g.plane(0)[p:][:n], m.g.plane(1)[p:][:n], m.g.plane(2)[p:][:n]
	x0, x1, x2 := m.src.plane(0)[q:][:n], m.src.plane(1)[q:][:n], m.src.plane(2)[q:][:n]
	d0, d1, d2 := m.grad.plane(0)[q:][:n], m.grad.plane(1)[q:][:n], m.grad.plane(2)[q:][:n]
	base := m.base[p:][:n]
	slope = slope[:n]
	for i, f := range w {
		slope[i] = g0[i]*x0[i] + g1[i]*x1[i] + g2[i]*x2[i] - base[i]
		d0[i] += f * g0[i]
		d1[i] += f * g1[i]
		d2[i] += f * g2[i]
	}
}

// differences adds the gradient that reaches both pixels through ‖I_p − I_q‖², of which slope is the gradient.
func (m *meanGradient) differences(p, q int, slope []float32) {
	n := len(slope)
	for c := range 3 {
		x, y := m.src.plane(c)[p:][:n], m.src.plane(c)[q:][:n]
		dx, dy := m.grad.plane(c)[p:][:n], m.grad.plane(c)[q:][:n]
		for i, s := range slope {
			v := 2 * s * (x[i] - y[i])
			dx[i] += v
			dy[i] -= v
		}
	}
}
