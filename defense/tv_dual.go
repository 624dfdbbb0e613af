package defense

import "math"

const tvTau = 0.25

// dual is the state of Chambolle's iteration on one plane: the field p (px then py) and scratch for w = div p − g/λ.
type dual struct {
	h, w   int
	lambda float64
	g      []float64
	px, py []float64
	u      []float64 // w of the current step
}

func newDual(h, w int, lambda float64, g []float32) *dual {
	n := h * w
	d := &dual{h: h, w: w, lambda: lambda, g: make([]float64, n), px: make([]float64, n), py: make([]float64, n), u: make([]float64, n)}
	for i, v := range g {
		d.g[i] = float64(v)
	}
	return d
}

func (d *dual) copyP() []float64 { return append(append([]float64(nil), d.px...), d.py...) }

func (d *dual) setP(p []float64) { copy(d.px, p); copy(d.py, p[len(d.px):]) }

// div writes the divergence of (px, py), the negative transpose of grad, to dst.
func (d *dual) div(dst, px, py []float64) {
	for y := range d.h {
		for x := range d.w {
			i := y*d.w + x
			v := 0.0
			if x < d.w-1 {
				v += px[i]
			}
			if x > 0 {
				v -= px[i-1]
			}
			if y < d.h-1 {
				v += py[i]
			}
			if y > 0 {
				v -= py[i-d.w]
			}
			dst[i] = v
		}
	}
}

// grad returns the forward difference of u at pixel i = (y, x), zero over the last column and row.
func (d *dual) grad(u []float64, y, x int) (gx, gy float64) {
	i := y*d.w + x
	if x < d.w-1 {
		gx = u[i+1] - u[i]
	}
	if y < d.h-1 {
		gy = u[i+d.w] - u[i]
	}
	return gx, gy
}

// residual sets u = div p − g/λ.
func (d *dual) residual() {
	d.div(d.u, d.px, d.py)
	for i, g := range d.g {
		d.u[i] -= g / d.lambda
	}
}

func (d *dual) step() {
	d.residual()
	for y := range d.h {
		for x := range d.w {
			i := y*d.w + x
			gx, gy := d.grad(d.u, y, x)
			s := 1 / (1 + tvTau*math.Sqrt(gx*gx+gy*gy))
			d.px[i] = (d.px[i] + tvTau*gx) * s
			d.py[i] = (d.py[i] + tvTau*gy) * s
		}
	}
}

// primal writes u = g − λ div p.
func (d *dual) primal(dst []float32) {
	d.div(d.u, d.px, d.py)
	for i, g := range d.g {
		dst[i] = float32(g - d.lambda*d.u[i])
	}
}

// dualAdjoint carries gradients backward: g is the gradient at the input, (bx, by) that at p.
type dualAdjoint struct {
	d      *dual
	g      []float64
	bx, by []float64
	vx, vy []float64
	s      []float64
}

// newDualAdjoint starts from the gradient at u = g − λ div p; −div is the transpose of grad.
func newDualAdjoint(d *dual, dout []float32) *dualAdjoint {
	n := d.h * d.w
	b := &dualAdjoint{d: d, g: make([]float64, n), bx: make([]float64, n), by: make([]float64, n),
		vx: make([]float64, n), vy: make([]float64, n), s: make([]float64, n)}
	for i, v := range dout {
		b.g[i] = float64(v)
	}
	for y := range d.h {
		for x := range d.w {
			gx, gy := d.grad(b.g, y, x)
			b.bx[y*d.w+x], b.by[y*d.w+x] = d.lambda*gx, d.lambda*gy
		}
	}
	return b
}

// back goes through one step whose p before the step is in d: with v = ∇w, p' = (p + τv)/(1 + τ|v|).
func (b *dualAdjoint) back() {
	d := b.d
	d.residual()
	for y := range d.h {
		for x := range d.w {
			i := y*d.w + x
			gx, gy := d.grad(d.u, y, x)
			norm := math.Sqrt(gx*gx + gy*gy)
			s := 1 / (1 + tvTau*norm)
			b.vx[i], b.vy[i] = tvTau*b.bx[i]*s, tvTau*b.by[i]*s
			if norm > 0 {
				qx, qy := d.px[i]+tvTau*gx, d.py[i]+tvTau*gy
				k := (b.bx[i]*qx + b.by[i]*qy) * s * s * tvTau / norm
				b.vx[i] -= k * gx
				b.vy[i] -= k * gy
			}
			b.bx[i] *= s
			b.by[i] *= s
		}
	}
	d.div(b.s, b.vx, b.vy) // gradient at w is −s
	for i, v := range b.s {
		b.g[i] += v / d.lambda
	}
	for y := range d.h {
		for x := range d.w {
			gx, gy := d.grad(b.s, y, x)
			b.bx[y*d.w+x] += gx
			b.by[y*d.w+x] += gy
		}
	}
}
