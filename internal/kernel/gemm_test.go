package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// gemmRandom returns n reproducible numbers from a normal distribution.
func gemmRandom(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 0x67656d6d))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// gemmWide converts to float64.
func gemmWide(x []float32) []float64 {
	if x == nil {
		return nil
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// gemmAbs returns the absolute values, which turn the reference into its own error scale.
func gemmAbs(x []float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = math.Abs(v)
	}
	return y
}

// gemmDiffer describes the first element of the m×n matrix got that is further from want than the rounding
// of k additions allows (k·2^-24 of the sum of magnitudes), or "".
func gemmDiffer(got []float32, ld int, want, scale []float64, wantLd, m, n, k int) string {
	for i := range m {
		for j := range n {
			g, w := float64(got[i*ld+j]), want[i*wantLd+j]
			limit := float64(k+4) * 0x1p-24 * scale[i*wantLd+j]
			if g == w || g != g && w != w || math.Abs(g-w) <= limit+1e-44 {
				continue
			}
			return fmt.Sprintf("element (%d, %d) is %g, want %g ± %g", i, j, g, w, limit)
		}
	}
	return ""
}

// gemmCase is a product with strides beyond its sizes and operands off the alignment of vectors.
type gemmCase struct {
	m, n, k        int
	transA, transB bool
	alpha          float32
	accumulate     bool
	pad, off       int
}

// gemmCheck compares Gemm and GemmPacked with the float64 reference and checks that nothing outside C changed.
func gemmCheck(t testing.TB, g gemmCase) {
	t.Helper()
	lda, ldb, ldc := g.k+g.pad, g.n+g.pad, g.n+g.pad
	rowsA, rowsB := g.m, g.k
	if g.transA {
		lda, rowsA = g.m+g.pad, g.k
	}
	if g.transB {
		ldb, rowsB = g.k+g.pad, g.n
	}
	a := gemmRandom(1, rowsA*lda+g.off)[g.off:]
	b := gemmRandom(2, rowsB*ldb+g.off)[g.off:]
	before := gemmRandom(3, g.m*ldc+g.off)[g.off:]
	want, scale := gemmWide(before), gemmAbs(gemmWide(before))
	gemmReference(want, ldc, g.transA, gemmWide(a), lda, g.transB, gemmWide(b), ldb, g.m, g.n, g.k, float64(g.alpha), g.accumulate)
	gemmReference(scale, ldc, g.transA, gemmAbs(gemmWide(a)), lda, g.transB, gemmAbs(gemmWide(b)), ldb, g.m, g.n, g.k, math.Abs(float64(g.alpha)), g.accumulate)

	cpuLoop(t, func(path string) {
		c := append([]float32(nil), before...)
		Gemm(c, ldc, g.transA, a, lda, g.transB, b, ldb, g.m, g.n, g.k, g.alpha, g.accumulate, make([]float32, GemmScratch(g.m, g.n, g.k)))
		if bad := gemmDiffer(c, ldc, want, scale, ldc, g.m, g.n, g.k); bad != "" {
			t.Errorf("Gemm on %s %+v: %s", path, g, bad)
		}
		gemmUntouched(t, c, before, ldc, g.m, g.n)
		if g.transA || g.alpha != 1 {
			return
		}
		p := Pack(b, g.k, g.n, ldb, g.transB)
		c = append(c[:0], before...)
		GemmPacked(c, ldc, a, lda, g.m, p, g.accumulate, nil, 0, g.n, make([]float32, GemmPackedScratch(g.m, p, lda)))
		if bad := gemmDiffer(c, ldc, want, scale, ldc, g.m, g.n, g.k); bad != "" {
			t.Errorf("GemmPacked on %s %+v: %s", path, g, bad)
		}
		gemmUntouched(t, c, before, ldc, g.m, g.n)
	})
}

// gemmUntouched checks that the gaps between the rows of C are as before.
func gemmUntouched(t testing.TB, c, before []float32, ldc, m, n int) {
	t.Helper()
	for i := range c {
		if (i%ldc >= n || i/ldc >= m) && c[i] != before[i] {
			t.Fatalf("an element outside of C was written: row %d, column %d", i/ldc, i%ldc)
		}
	}
}

func TestGemmEverySize(t *testing.T) {
	for m := 1; m <= 70; m++ {
		for _, n := range []int{1 + m%17, 16, 31 + m%4, 70 - m%33} {
			for _, k := range []int{1 + m%5, 17 + m%4} {
				for mode := range 8 {
					gemmCheck(t, gemmCase{m: m, n: n, k: k, transA: mode&1 != 0, transB: mode&2 != 0, accumulate: mode&4 != 0,
						alpha: 1 + float32(mode%3)/2, pad: m % 3, off: m % 4})
				}
			}
		}
	}
	for n := 1; n <= 70; n++ {
		gemmCheck(t, gemmCase{m: 15, n: n, k: n, alpha: 1, pad: 1})
		gemmCheck(t, gemmCase{m: n, n: 33, k: 70 - n, alpha: 1, transB: true})
	}
}

func TestGemmEncoderSizes(t *testing.T) {
	for _, g := range []gemmCase{
		{m: 50, n: 96, k: 768}, {m: 50, n: 48, k: 3072, accumulate: true}, {m: 13, n: 40, k: 1024}, {m: 197, n: 64, k: 197},
		{m: 197, n: 197, k: 64, transB: true}, {m: 64, n: 96, k: 197, transA: true}, {m: 65, n: 512, k: 128}, {m: 1, n: 512, k: 768},
		{m: 37, n: 130, k: 600, transA: true}, {m: 500, n: 97, k: 512, transA: true}, // A copied tile by tile, in blocks
		{m: 20, n: 512, k: 512}, {m: 20, n: 516, k: 1024, transB: true}, // rows of A in the same cache sets
		{m: 330, n: 17, k: 768}, {m: 5, n: 1030, k: 20}, // blocks of rows and of columns
	} {
		g.alpha = 1
		gemmCheck(t, g)
	}
}

func TestGemmNothingToDo(t *testing.T) {
	cpuEach(t, func(t *testing.T) {
		c := []float32{1, 2, 3, 4}
		GemmPacked(c, 2, nil, 0, 0, Pack(nil, 0, 2, 2, false), false, nil, 0, 2, nil)
		if c[0] != 1 {
			t.Error("a product without rows wrote to C")
		}
		GemmPacked(c, 2, nil, 0, 2, Pack(nil, 0, 2, 2, false), true, &Epilogue{Bias: []float32{1, 1}}, 0, 2, nil)
		if c[0] != 2 || c[3] != 5 {
			t.Errorf("an accumulated product of depth 0 with a bias of 1 gave %v", c)
		}
		Gemm(c, 2, false, nil, 0, false, nil, 0, 2, 2, 0, 1, false, make([]float32, GemmScratch(2, 2, 0)))
		if c[0] != 0 || c[3] != 0 {
			t.Errorf("a product of depth 0 gave %v", c)
		}
	})
}

// TestGemmSplit: any split into rows and columns gives the same bits.
func TestGemmSplit(t *testing.T) {
	cpuEach(t, func(t *testing.T) {
		const m, n, k = 37, 530, 900
		a, p := gemmRandom(1, m*k), Pack(gemmRandom(2, n*k), k, n, k, true)
		ep := &Epilogue{Bias: gemmRandom(3, n), Act: QuickGELU, Add: gemmRandom(4, m*n), LdAdd: n, Slope: make([]float32, m*n), LdSlope: n}
		whole := make([]float32, m*n)
		GemmPacked(whole, n, a, k, m, p, false, ep, 0, n, make([]float32, GemmPackedScratch(m, p, k)))
		slope := append([]float32(nil), ep.Slope...)
		for seed := range uint64(6) {
			r := rand.New(rand.NewPCG(seed, 7))
			c := make([]float32, m*n)
			clear(ep.Slope)
			for i := 0; i < m; {
				rows := min(m-i, 1+r.IntN(16))
				e := *ep
				e.Add, e.Slope = ep.Add[i*n:], ep.Slope[i*n:]
				for j := 0; j < n; {
					cols := min(n-j, 1+r.IntN(200))
					GemmPacked(c[i*n:], n, a[i*k:], k, rows, p, false, &e, j, j+cols, make([]float32, GemmPackedScratch(rows, p, k)))
					j += cols
				}
				i += rows
			}
			for i := range c {
				if math.Float32bits(c[i]) != math.Float32bits(whole[i]) || math.Float32bits(slope[i]) != math.Float32bits(ep.Slope[i]) {
					t.Fatalf("seed %d: element %d is %g in parts, %g at once", seed, i, c[i], whole[i])
				}
			}
		}
	})
}

func TestGemmEpilogue(t *testing.T) {
	cpuEach(t, func(t *testing.T) {
		const m, n, k = 21, 75, 40
		a, b, bias, add := gemmRandom(1, m*k), gemmRandom(2, n*k), gemmRandom(3, n), gemmRandom(4, m*(n+3))
		p := Pack(b, k, n, n, false)
		for _, act := range []Unary{NoUnary, GELU, GELUTanh, QuickGELU, SiLU, Relu, Tanh, Sigmoid} {
			for mode := range 8 {
				want := gemmWide(gemmRandom(5, m*n))
				c := gemmRandom(5, m*n)
				gemmReference(want, n, false, gemmWide(a), k, false, gemmWide(b), n, m, n, k, 1, mode&4 != 0)
				ep := &Epilogue{Act: act, Slope: make([]float32, m*(n+1)), LdSlope: n + 1}
				if mode&1 != 0 {
					ep.Bias = bias
				}
				if mode&2 != 0 {
					ep.Add, ep.LdAdd = add, n+3
				}
				GemmPacked(c, n, a, k, m, p, mode&4 != 0, ep, 0, n, nil)
				for i := range m * n {
					pre := want[i]
					if ep.Bias != nil {
						pre += float64(bias[i%n])
					}
					y, slope := []float64{pre}, []float64{1}
					if act != NoUnary {
						mapReference(act, y, y)
						mapGradReference(act, slope, slope, []float64{pre})
					} else {
						slope[0] = 0 // not written
					}
					if ep.Add != nil {
						y[0] += float64(add[i/n*(n+3)+i%n])
					}
					if math.Abs(float64(ep.Slope[i/n*(n+1)+i%n])-slope[0]) > 4e-5 && math.Abs(pre) > 1e-4 || math.Abs(float64(c[i])-y[0]) > 4e-5 {
						t.Fatalf("%v, mode %d, element %d: slope %g, result %g, want %g and %g",
							act, mode, i, ep.Slope[i/n*(n+1)+i%n], c[i], slope[0], y[0])
					}
				}
			}
		}
	})
}

// TestGemmNonFinite: NaN and infinities reach every element they should and no other.
func TestGemmNonFinite(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	cpuEach(t, func(t *testing.T) {
		for _, v := range []float32{nan, inf, -inf, 1e-42, -1e-45, 0} {
			const m, n, k = 16, 35, 9
			a, b := gemmRandom(1, m*k), gemmRandom(2, k*n)
			a[3*k+2], a[15*k+8], b[4*n+34] = v, 0, v
			b[8*n+1] = v
			want, got := make([]float64, m*n), make([]float32, m*n)
			gemmReference(want, n, false, gemmWide(a), k, false, gemmWide(b), n, m, n, k, 1, false)
			GemmPacked(got, n, a, k, m, Pack(b, k, n, n, false), false, nil, 0, n, nil)
			for i, w := range want {
				if g := float64(got[i]); g != w && !(g != g && w != w) && !(math.Abs(g-w) < 1e-4) {
					t.Fatalf("with %g in the operands, element %d is %g, want %g", v, i, g, w)
				}
			}
		}
	})
}

func TestPackRoundTrip(t *testing.T) {
	for _, trans := range []bool{false, true} {
		for n := 1; n < 40; n++ {
			k := 50 - n
			ld := max(n, k) + 1
			b := gemmRandom(uint64(n), ld*max(n, k))
			out := make([]float32, len(b))
			Pack(b, k, n, ld, trans).Unpack(out, ld, trans)
			for i := range b {
				row, col := i/ld, i%ld
				in := row < k && col < n
				if trans {
					in = row < n && col < k
				}
				if in && out[i] != b[i] || !in && out[i] != 0 {
					t.Fatalf("k=%d n=%d trans=%v: element %d is %g, packed from %g", k, n, trans, i, out[i], b[i])
				}
			}
		}
	}
}

func FuzzGemm(f *testing.F) {
	f.Add(uint16(50), uint16(64), uint16(33), byte(3), byte(1))
	f.Add(uint16(48), uint16(215), uint16(0), byte(4), byte(208))
	f.Fuzz(func(t *testing.T, m, n, k uint16, mode, pad byte) {
		g := gemmCase{m: int(m%100) + 1, n: int(n%300) + 1, k: int(k % 1600), transA: mode&1 != 0, transB: mode&2 != 0,
			accumulate: mode&4 != 0, alpha: 1, pad: int(pad % 20), off: int(pad / 20)}
		if mode&8 != 0 {
			g.alpha = -0.5
		}
		gemmCheck(t, g)
	})
}
