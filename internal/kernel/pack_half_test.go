package kernel

import (
	"math"
	"testing"
)

// packHalfValue decodes a half-precision number from its definition.
func packHalfValue(v uint16) float64 {
	sign := 1 - 2*float64(v>>15)
	e, f := int(v>>10&31), float64(v&0x3ff)
	switch {
	case e == 31 && f != 0:
		return math.NaN()
	case e == 31:
		return math.Inf(int(sign))
	case e == 0:
		return sign * math.Ldexp(f, -24)
	}
	return sign * math.Ldexp(1024+f, e-25)
}

// TestPackHalfWiden converts every number of 16 bits on every path.
func TestPackHalfWiden(t *testing.T) {
	src, dst := make([]uint16, 1<<16), make([]float32, 1<<16)
	for i := range src {
		src[i] = uint16(i)
	}
	cpuEach(t, func(t *testing.T) {
		for _, f := range []halfFormat{halfFloat16, halfBFloat16} {
			f.widen(dst, src)
			for i, got := range dst {
				want := packHalfValue(uint16(i))
				if f == halfBFloat16 {
					want = float64(math.Float32frombits(uint32(i) << 16))
				}
				if float64(got) != want && (got == got || want == want) || math.Signbit(want) != math.Signbit(float64(got)) && want == want {
					t.Fatalf("format %d: %#04x became %g, want %g", f, i, got, want)
				}
			}
		}
	})
}

// TestGemmHalf: a compressed matrix gives the bits of the same matrix in float32.
func TestGemmHalf(t *testing.T) {
	cpuEach(t, func(t *testing.T) {
		for _, s := range [][3]int{{1, 5, 3}, {15, 33, 100}, {20, 530, 1024}, {29, 77, 1700}} {
			m, n, k := s[0], s[1], s[2]
			a, b := gemmRandom(1, m*k), gemmRandom(2, n*k)
			half := make([]uint16, len(b))
			for i, v := range b {
				half[i] = uint16(math.Float32bits(v) >> 16)
			}
			for _, trans := range []bool{false, true} {
				for _, pack := range []func([]uint16, int, int, int, bool) *PackedB{PackFloat16, PackBFloat16} {
					ld := n
					if trans {
						ld = k
					}
					p := pack(half, k, n, ld, trans)
					p.Unpack(b, ld, trans)
					q := Pack(b, k, n, ld, trans)
					if 2*p.Bytes() != q.Bytes() {
						t.Errorf("%d bytes compressed, %d in float32", p.Bytes(), q.Bytes())
					}
					got, want := make([]float32, m*n), make([]float32, m*n)
					for j := 0; j < n; j += 300 {
						GemmPacked(got, n, a, k, m, p, false, nil, j, min(n, j+300), make([]float32, GemmPackedScratch(m, p, k)))
					}
					GemmPacked(want, n, a, k, m, q, false, nil, 0, n, make([]float32, GemmPackedScratch(m, q, k)))
					for i := range got {
						if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
							t.Fatalf("%v trans=%v: element %d is %g, with float32 weights %g", s, trans, i, got[i], want[i])
						}
					}
				}
			}
		}
	})
}
