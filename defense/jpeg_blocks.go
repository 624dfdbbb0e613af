package defense

import "math"

// blockPlane is a plane whose sides are multiples of 8.
type blockPlane struct {
	h, w int
	v    []float64
}

func newBlockPlane(h, w int) blockPlane {
	h, w = (h+7)&^7, (w+7)&^7
	return blockPlane{h, w, make([]float64, h*w)}
}

func (p blockPlane) at(y, x int) float64     { return p.v[y*p.w+x] }
func (p blockPlane) add(y, x int, g float64) { p.v[y*p.w+x] += g }

// cell returns the place of sample i inside its 8×8 block, row by row.
func (p blockPlane) cell(i int) int { return i/p.w%8*8 + i%p.w%8 }

// blocks replaces every DCT coefficient v with table entry q by f(v, q).
func (p blockPlane) blocks(table *[64]float64, f func(v, q float64) float64) {
	p.transform(false)
	for i, v := range p.v {
		p.v[i] = f(v, table[p.cell(i)])
	}
	p.transform(true)
}

// dct is the orthonormal DCT-II of length 8: row k, sample n.
var dct = func() (d [8][8]float64) {
	for k := range 8 {
		for n := range 8 {
			d[k][n] = math.Cos(math.Pi*float64(k)*(float64(n)+0.5)/8) / 2
			if k == 0 {
				d[k][n] /= math.Sqrt2
			}
		}
	}
	return d
}()

// transform replaces every 8×8 block by its orthonormal DCT, or by the inverse.
func (p blockPlane) transform(inverse bool) {
	for by := 0; by < p.h; by += 8 {
		for bx := 0; bx < p.w; bx += 8 {
			base := by*p.w + bx
			for r := range 8 {
				dctLine(p.v[base+r*p.w:], 1, inverse)
			}
			for c := range 8 {
				dctLine(p.v[base+c:], p.w, inverse)
			}
		}
	}
}

func dctLine(v []float64, stride int, inverse bool) {
	var in [8]float64
	for n := range 8 {
		in[n] = v[n*stride]
	}
	for k := range 8 {
		s := 0.0
		if inverse {
			for n := range 8 {
				s += dct[n][k] * in[n]
			}
		} else {
			for n := range 8 {
				s += dct[k][n] * in[n]
			}
		}
		v[k*stride] = s
	}
}

// Quantisation tables of ITU-T T.81, Annex K.1 (luma) and K.2 (chroma), row by row.
var (
	lumaTable = [64]int{
		16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
		14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
		18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
		49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99}
	chromaTable = [64]int{
		17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
		24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99}
)

// table returns the quantisation steps of plane c at the model's quality, by the scaling of the Independent JPEG Group.
func (m model) table(c int) *[64]float64 {
	base := &lumaTable
	if c > 0 {
		base = &chromaTable
	}
	scale := 200 - 2*m.quality
	if m.quality < 50 {
		scale = 5000 / m.quality
	}
	var t [64]float64
	for i, v := range base {
		t[i] = float64(min(max((v*scale+50)/100, 1), 255))
	}
	return &t
}
