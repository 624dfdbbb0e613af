package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// tileSizes are m, n and k with every row height, every width tail of the tiles and every remainder of k by four, and
// real sizes. Each of eight variants has an eighth of the pairs of height and width.
func tileSizes(variant int) (s [][]int) {
	for m := 1; m <= 29; m++ {
		for n := 1; n <= 49; n++ {
			if (m+3*n+variant)%8 == 0 {
				s = append(s, []int{m, n, 4 + (m+n/8)%4}, []int{m, n, 1 + (m*n)%3})
			}
		}
	}
	for k := variant % 4; k <= 70; k += 4 {
		s = append(s, []int{15, 33, k})
	}
	if variant%4 > 0 {
		return s
	}
	return append(s, []int{50, 96, 768}, []int{65, 128, 128}, []int{197, 20, 64}, []int{20, 512, 512})
}

// tileSpecial are the sizes of the special cases.
var tileSpecial = [][]int{{1, 1, 1}, {14, 32, 5}, {17, 35, 9}, {29, 70, 21}}

// gap is what the rows of the matrices under test are apart beyond their length.
const gap = 3

// product computes C = alpha·op(A)·op(B) in float64 into rows ldc apart.
func product(c []float64, ldc int, transA, transB bool, a, b []float64, m, n, k int, alpha float64) {
	lda, ldb := k+gap, n+gap
	if transA {
		lda = m + gap
	}
	if transB {
		ldb = k + gap
	}
	gemmReference(c, ldc, transA, a, lda, transB, b, ldb, m, n, k, alpha, false)
}

// matrix is the length of m rows of n numbers that are gap apart, nothing behind the last.
func matrix(m, n int) int { return max(0, (m-1)*(n+gap)+n) }

// operandsOf are the lengths of the strided A and B.
func operandsOf(s []int, transA, transB bool) []int {
	m, n, k := s[0], s[1], s[2]
	a, b := matrix(m, k), matrix(k, n)
	if transA {
		a = matrix(k, m)
	}
	if transB {
		b = matrix(n, k)
	}
	return []int{a, b}
}

// gemmFamilies are the general product in its four forms, started from zero and from C.
func gemmFamilies() (list []family) {
	for mode := range 8 {
		transA, transB, accumulate := mode&1 != 0, mode&2 != 0, mode&4 != 0
		f := family{
			name: fmt.Sprintf("Gemm transA=%t transB=%t accumulate=%t", transA, transB, accumulate), sizes: tileSizes(mode), special: tileSpecial,
			operands: func(s []int) []int { return append(operandsOf(s, transA, transB), s[0]*s[1]) },
			results:  func(s []int) []int { return []int{matrix(s[0], s[1])} },
			abs:      1e-4, rel: 2e-6,
		}
		f.fast = func(s []int, in, out [][]float32) {
			m, n, k := s[0], s[1], s[2]
			copyRows(out[0], n+gap, in[2], n, m)
			lda, ldb := k+gap, n+gap
			if transA {
				lda = m + gap
			}
			if transB {
				ldb = k + gap
			}
			Gemm(out[0], n+gap, transA, in[0], lda, transB, in[1], ldb, m, n, k, 0.75, accumulate, make([]float32, GemmScratch(m, n, k)))
		}
		f.truth = func(s []int, in, out [][]float64) {
			m, n, k := s[0], s[1], s[2]
			c := make([]float64, m*n)
			product(c, n, transA, transB, in[0], in[1], m, n, k, 0.75)
			if accumulate {
				for i, v := range in[2] {
					c[i] += v
				}
			}
			copyRows(out[0], n+gap, c, n, m)
		}
		if !accumulate {
			f.linear = [][2]int{{0, 0}, {1, 0}}
		}
		list = append(list, f)
	}
	return list
}

// copyRows copies m rows of n contiguous numbers to rows ld apart.
func copyRows[T any](dst []T, ld int, src []T, n, m int) {
	for i := range m {
		copy(dst[i*ld:i*ld+n], src[i*n:(i+1)*n])
	}
}

// packings are how a right-hand matrix can be held.
var packings = []struct {
	name  string
	trans bool
	pack  func(b []float32, k, n, ld int, trans bool) *PackedB
}{
	{"packed", false, Pack}, {"packed transposed", true, Pack},
	{"bfloat16", true, func(b []float32, k, n, ld int, trans bool) *PackedB { return PackBFloat16(halves(b), k, n, ld, trans) }},
}

// halves returns the upper halves of float32 numbers, which are bfloat16.
func halves(x []float32) []uint16 {
	h := make([]uint16, len(x))
	for i, v := range x {
		h[i] = uint16(math.Float32bits(v) >> 16)
	}
	return h
}

// packedFamilies are the product with packed weights, followed by every activation with bias, residual and kept
// slope.
func packedFamilies() (list []family) {
	for i, p := range packings {
		for j, act := range []Unary{NoUnary, GELU, GELUTanh, QuickGELU, SiLU, Relu} {
			accumulate := act == Relu || act == NoUnary && i == 1
			f := family{
				name: fmt.Sprintf("GemmPacked %s, %v, accumulate=%t", p.name, act, accumulate), sizes: tileSizes(i + 2*j), special: tileSpecial,
				operands: func(s []int) []int { return append(operandsOf(s, false, p.trans), s[1], matrix(s[0], s[1]), s[0]*s[1]) },
				results:  func(s []int) []int { return []int{matrix(s[0], s[1]), matrix(s[0], s[1])} },
				abs:      1e-4, rel: 4e-6,
				prepare: func(_ []int, in [][]float32) {
					for i, v := range in[1] {
						in[1][i] = math.Float32frombits(math.Float32bits(v) >> 16 << 16)
					}
				},
				skip: func(_ []int, op int, v float32) bool {
					return op == 1 && math.Float32bits(v)&0xffff != 0 && p.name == "bfloat16"
				},
			}
			f.fast = func(s []int, in, out [][]float32) {
				m, n, k := s[0], s[1], s[2]
				ldb := n + gap
				if p.trans {
					ldb = k + gap
				}
				copyRows(out[0], n+gap, in[4], n, m)
				ep := &Epilogue{Bias: in[2], Act: act, Slope: out[1], LdSlope: n + gap, Add: in[3], LdAdd: n + gap}
				b := p.pack(in[1], k, n, ldb, p.trans)
				scratch := make([]float32, GemmPackedScratch(m, b, k+gap))
				GemmPacked(out[0], n+gap, in[0], k+gap, m, b, accumulate, ep, 0, n/2, scratch)
				GemmPacked(out[0], n+gap, in[0], k+gap, m, b, accumulate, ep, n/2, n, scratch)
			}
			f.truth = func(s []int, in, out [][]float64) {
				m, n, k := s[0], s[1], s[2]
				c := make([]float64, m*n)
				product(c, n, false, p.trans, in[0], in[1], m, n, k, 1)
				for i := range c {
					c[i] += in[2][i%n]
					if accumulate {
						c[i] += in[4][i]
					}
				}
				if act != NoUnary {
					slope := slices.Repeat([]float64{1}, m*n)
					mapGradReference(act, slope, slope, c)
					copyRows(out[1], n+gap, slope, n, m)
				}
				mapReference(act, c, c)
				for i := range c {
					c[i] += in[3][i/n*(n+gap)+i%n]
				}
				copyRows(out[0], n+gap, c, n, m)
			}
			list = append(list, f)
		}
	}
	return list
}

// tileRowFamilies are the row kernels around products.
func tileRowFamilies() []family {
	strided := func(s []int) []int { return []int{matrix(s[0], s[1]), matrix(s[0], s[1])} }
	each := func(s []int, f func(at, row int)) {
		for r := range s[0] {
			for j := range s[1] {
				f(r*(s[1]+gap)+j, r)
			}
		}
	}
	return []family{
		{name: "gemmAdd", sizes: rowSizes(), special: fewRows, operands: strided, results: func(s []int) []int { return strided(s)[:1] }, rel: half,
			fast: func(s []int, in, out [][]float32) {
				each(s, func(at, _ int) { out[0][at] = in[0][at] })
				gemmAdd(out[0], s[1]+gap, in[1], s[1]+gap, s[0], s[1])
			},
			truth: func(s []int, in, out [][]float64) { each(s, func(at, _ int) { out[0][at] = in[0][at] + in[1][at] }) }},
		{name: "attnScale", sizes: rowSizes(), special: fewRows, rel: half,
			operands: func(s []int) []int { return []int{matrix(s[0], s[1]), s[0]} }, linear: [][2]int{{0, 0}, {1, 0}},
			results: func(s []int) []int { return strided(s)[:1] },
			fast: func(s []int, in, out [][]float32) {
				each(s, func(at, _ int) { out[0][at] = in[0][at] })
				attnScale(out[0], s[1]+gap, s[0], s[1], in[1])
			},
			truth: func(s []int, in, out [][]float64) { each(s, func(at, r int) { out[0][at] = in[0][at] * in[1][r] }) }},
		{name: "attnDot", sizes: rowSizes(), special: fewRows, abs: 1e-5, rel: 1e-6,
			operands: strided, linear: [][2]int{{0, 0}, {1, 0}},
			results: func(s []int) []int { return s[:1] },
			fast: func(s []int, in, out [][]float32) {
				attnDot(in[0], s[1]+gap, in[1], s[1]+gap, s[0], s[1], out[0])
			},
			truth: func(s []int, in, out [][]float64) {
				clear(out[0])
				each(s, func(at, r int) { out[0][r] += in[0][at] * in[1][at] })
			}},
	}
}

func TestConformProducts(t *testing.T) {
	conform(t, gemmFamilies())
	conform(t, packedFamilies())
	conform(t, tileRowFamilies())
}
