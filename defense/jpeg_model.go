package defense

import "math"

// rounding replaces the rounding of a quantised DCT coefficient; it returns the value and its derivative.
type rounding func(x float64) (value, slope float64)

func straightRound(x float64) (float64, float64) { return x, 1 }

func hardRound(x float64) (float64, float64) { return math.Round(x), 0 }

func softRound(x float64) (float64, float64) {
	r := math.Round(x)
	d := x - r
	return r + d*d*d, 3 * d * d
}

func (j JPEG) rounding() rounding {
	if j.Rounding == "soft" {
		return softRound
	}
	return straightRound
}

// toYCC and fromYCC are the colour transform of JFIF and its inverse, rows for Y, Cb, Cr and for R, G, B, without the
// offset of the chroma.
var (
	toYCC   = [3][3]float64{{0.299, 0.587, 0.114}, {-0.168736, -0.331264, 0.5}, {0.5, -0.418688, -0.081312}}
	fromYCC = [3][3]float64{{1, 0, 1.402}, {1, -0.344136, -0.714136}, {1, 1.772, 0}}
)

// model is JPEG in real numbers with the given rounding and no clipping; values on the scale 0…255, level shift −128 on
// the luma. apply is what pull differentiates.
type model struct {
	h, w    int
	quality int
	round   rounding
}

// apply returns the decoded picture of src.
func (m model) apply(src Picture) Picture {
	ycc := m.split(src.Pix)
	for c := range ycc {
		ycc[c].blocks(m.table(c), func(v, q float64) float64 { r, _ := m.round(v / q); return r * q })
	}
	out := NewPicture(m.h, m.w)
	n := m.h * m.w
	for y := range m.h {
		for x := range m.w {
			lum, cb, cr := ycc[0].at(y, x)+128, ycc[1].at(y/2, x/2), ycc[2].at(y/2, x/2)
			for c := range 3 {
				out.Pix[c*n+y*m.w+x] = float32((fromYCC[c][0]*lum + fromYCC[c][1]*cb + fromYCC[c][2]*cr) / 255)
			}
		}
	}
	return out
}

// pull adds to dsrc the gradient of j's model at src.
func (j JPEG) pull(src Picture, dsrc, dout []float32) {
	m := model{src.H, src.W, j.Quality, j.rounding()}
	at := m.split(src.Pix)
	n := m.h * m.w
	grad := m.planes()
	for y := range m.h {
		for x := range m.w {
			for c := range 3 {
				g := float64(dout[c*n+y*m.w+x])
				grad[0].add(y, x, fromYCC[c][0]*g)
				grad[1].add(y/2, x/2, fromYCC[c][1]*g)
				grad[2].add(y/2, x/2, fromYCC[c][2]*g)
			}
		}
	}
	for c := range grad {
		at[c].transform(false)
		grad[c].transform(false)
		t := m.table(c)
		for i := range grad[c].v {
			q := t[grad[c].cell(i)]
			_, slope := m.round(at[c].v[i] / q)
			grad[c].v[i] *= slope
		}
		grad[c].transform(true)
	}
	m.splitAdjoint(dsrc, grad)
}

// planes returns three zero planes: luma padded to whole 8×8 blocks, chroma at half size padded likewise.
func (m model) planes() [3]blockPlane {
	ch, cw := (m.h+1)/2, (m.w+1)/2
	return [3]blockPlane{newBlockPlane(m.h, m.w), newBlockPlane(ch, cw), newBlockPlane(ch, cw)}
}

// split converts RGB in [0,1] to level-shifted luma and averaged chroma, edges repeated.
func (m model) split(pix []float32) [3]blockPlane {
	p := m.planes()
	m.eachTerm(func(c, cell int, ch, i int, weight float64) {
		p[c].v[cell] += weight * 255 * float64(pix[ch*m.h*m.w+i])
	})
	for i := range p[0].v {
		p[0].v[i] -= 128
	}
	return p
}

// splitAdjoint is the transpose of split's linear part on gradients. The factors 255 of split and 1/255 of apply cancel.
func (m model) splitAdjoint(dsrc []float32, grad [3]blockPlane) {
	m.eachTerm(func(c, cell int, ch, i int, weight float64) {
		dsrc[ch*m.h*m.w+i] += float32(weight * grad[c].v[cell])
	})
}

// eachTerm visits every non-zero of split's matrix: plane c, its sample cell, the RGB channel ch, its pixel i, the weight.
func (m model) eachTerm(visit func(c, cell int, ch, i int, weight float64)) {
	p := m.planes()
	for c := range 3 {
		step := 1
		if c > 0 {
			step = 2
		}
		share := 1 / float64(step*step)
		for y := range p[c].h {
			for x := range p[c].w {
				for dy := range step {
					for dx := range step {
						i := min(y*step+dy, m.h-1)*m.w + min(x*step+dx, m.w-1)
						for ch := range 3 {
							visit(c, y*p[c].w+x, ch, i, share*toYCC[c][ch])
						}
					}
				}
			}
		}
	}
}
