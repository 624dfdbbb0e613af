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
	gx, gy []float64 // one row of ∇w
}

func newDual(h, w int, lambda float64, g []float32) *dual {
	n := h * w
	d := &dual{h: h, w: w, lambda: lambda, g: make([]float64, n), px: make([]float64, n), py: make([]float64, n), u: make([]float64, n),
		gx: make([]float64, w), gy: make([]float64, w)}
	for i, v := range g {
		d.g[i] = float64(v)
	}
	return d
}

// saveP copies p to memory, which it makes if need be.
func (d *dual) saveP(memory []float64) []float64 {
	memory = append(memory[:0], d.px...)
	return append(memory, d.py...)
}

func (d *dual) setP(p []float64) { copy(d.px, p); copy(d.py, p[len(d.px):]) }

// div writes the divergence of (px, py), the negative transpose of grad, to dst. The last column of px and the last row of
// py are zero, as in every gradient.
func (d *dual) div(dst, px, py []float64) {
	w := d.w
	for y := range d.h {
		row, ax, ay := dst[y*w:(y+1)*w], px[y*w:(y+1)*w], py[y*w:(y+1)*w]
		row[0] = ax[0] + ay[0]
		for x := 1; x < len(row); x++ {
			row[x] = ax[x] - ax[x-1] + ay[x]
		}
		if y > 0 {
			for x, v := range py[(y-1)*w : y*w] {
				row[x] -= v
			}
		}
	}
}

// gradRow writes the forward differences of row y of u to gx and gy: zero over the last column and in the last row.
func (d *dual) gradRow(gx, gy, u []float64, y int) {
	w := d.w
	row := u[y*w : (y+1)*w]
	gx, gy = gx[:len(row)], gy[:len(row)]
	for x := 0; x+1 < len(row); x++ {
		gx[x] = row[x+1] - row[x]
	}
	gx[w-1] = 0
	if y == d.h-1 {
		clear(gy)
		return
	}
	for x, v := range u[(y+1)*w : (y+2)*w] {
		gy[x] = v - row[x]
	}
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
	w := d.w
	for y := range d.h {
		d.gradRow(d.gx, d.gy, d.u, y)
		gx, gy := d.gx, d.gy[:len(d.gx)]
		px, py := d.px[y*w:][:len(gx)], d.py[y*w:][:len(gx)]
		for x, a := range gx {
			b := gy[x]
			s := 1 / (1 + tvTau*math.Sqrt(a*a+b*b))
			px[x] = (px[x] + tvTau*a) * s
			py[x] = (py[x] + tvTau*b) * s
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
	w := d.w
	for y := range d.h {
		d.gradRow(b.bx[y*w:], b.by[y*w:], b.g, y)
	}
	for i := range b.bx {
		b.bx[i] *= d.lambda
		b.by[i] *= d.lambda
	}
	return b
}

// back goes through one step whose p before the step is in d: with v = ∇w, p' = (p + τv)/(1 + τ|v|).
func (b *dualAdjoint) back() {
	d := b.d
	w := d.w
	d.residual()
	for y := range d.h {
		d.gradRow(d.gx, d.gy, d.u, y)
		b.backRow(y)
	}
	d.div(b.s, b.vx, b.vy) // gradient at w is −s
	for i, v := range b.s {
		b.g[i] += v / d.lambda
	}
	for y := range d.h {
		d.gradRow(d.gx, d.gy, b.s, y)
		bx, by := b.bx[y*w:], b.by[y*w:]
		for x, v := range d.gx {
			bx[x] += v
			by[x] += d.gy[x]
		}
	}
}

// backRow turns the gradient at p' into those at v and, through the quotient alone, at p.
func (b *dualAdjoint) backRow(y int) {
	d := b.d
	at := y * d.w
	gxs, gys := d.gx, d.gy[:len(d.gx)]
	n := len(gxs)
	px, py, bx, by, vx, vy := d.px[at:][:n], d.py[at:][:n], b.bx[at:][:n], b.by[at:][:n], b.vx[at:][:n], b.vy[at:][:n]
	for x, gx := range gxs {
		gy := gys[x]
		norm := math.Sqrt(gx*gx + gy*gy)
		s := 1 / (1 + tvTau*norm)
		tx, ty := bx[x]*s, by[x]*s
		k := 0.0
		if norm > 0 {
			k = (tx*(px[x]+tvTau*gx) + ty*(py[x]+tvTau*gy)) * s / norm
		}
		vx[x] = tvTau * (tx - k*gx)
		vy[x] = tvTau * (ty - k*gy)
		bx[x], by[x] = tx, ty
	}
}
