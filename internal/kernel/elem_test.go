package kernel

import (
	"math"
	"testing"
)

// guard is what surrounds the operands of these tests: a kernel must not change it.
const guard = 12345.678

// fenced returns n numbers in the middle of guards, starting off any alignment, and a check that the guards stand.
func fenced(t testing.TB, n int) (s []float32, check func(what string)) {
	const margin = 21
	all := make([]float32, n+2*margin)
	for i := range all {
		all[i] = guard
	}
	return all[margin : margin+n : margin+n], func(what string) {
		t.Helper()
		for i, v := range all {
			if (i < margin || i >= margin+n) && v != guard {
				t.Fatalf("%s of %d wrote at %d", what, n, i-margin)
			}
		}
	}
}

// tolerances are the absolute and relative errors allowed in Map, in units of 2^-24 (half a unit in the last place
// of 1). The derivative is allowed gradAbs absolute.
var tolerances = map[Unary]struct{ abs, rel, gradAbs float64 }{
	Exp: {0, 3, 0}, Tanh: {0, 6, 2e-30}, Sigmoid: {1e-30, 6, 1e-30}, Erf: {2, 1, 2}, GELU: {2, 1, 6}, GELUTanh: {2, 2, 8},
	QuickGELU: {2, 2, 4}, SiLU: {2, 2, 4}, Softplus: {1e-30, 5, 1e-30}, Softsign: {0, 3, 0}, Mish: {1e-28, 9, 6}, HardSigmoid: {1, 1, 0}, HardSwish: {2, 1, 2},
}

const half = 1.0 / (1 << 24)

// sweep returns numbers over the range of float32 where u is defined, dense near zero.
func sweep(u Unary) []float32 {
	var x []float32
	for i := -6000; i <= 6000; i++ {
		v := float32(i) / 64
		x = append(x, v, v*1.0123e-2, v*1.01e-5, v*1e-20)
	}
	if u == Log || u == Sqrt || u == ReciprocalSqrt {
		for i, v := range x {
			x[i] = float32(math.Abs(float64(v))) + 1e-30
		}
	}
	return append(x, 3e38, -3e38, 1e15, -1e15, 1e-40, -1e-40)
}

func TestUnaryAgainstTheReferenceEverywhere(t *testing.T) {
	onEveryCPU(t, func(t *testing.T) {
		for u := NoUnary; u < unaryCount; u++ {
			x := sweep(u)
			y, want := make([]float32, len(x)), make([]float64, len(x))
			Map(u, y, x)
			mapReference(u, want, wide(x))
			tol := tolerances[u]
			compareSweep(t, u.String(), x, y, want, tol.abs*half, max(tol.rel, 1.5)*half)
			if !u.Differentiable() || u == Reciprocal || u == ReciprocalSqrt {
				continue
			}
			for i := range y {
				y[i] = 1
			}
			MapGrad(u, y, y, x)
			for i := range want {
				want[i] = 1
			}
			mapGradReference(u, want, want, wide(x))
			compareSweep(t, u.String()+"Grad", x, y, want, tol.gradAbs*half, max(tol.rel, 4)*half)
		}
	})
}

// compareSweep is near with the worst errors logged and results beyond float32 taken as infinite.
func compareSweep(t *testing.T, what string, x, got []float32, want []float64, abs, rel float64) {
	t.Helper()
	var worstAbs, worstRel float64
	for i, w := range want {
		if r := float32(w); math.IsInf(float64(r), 0) {
			w = float64(r)
		}
		g := float64(got[i])
		if g == w || g != g && w != w {
			continue
		}
		d := math.Abs(g - w)
		if !(d <= abs+rel*math.Abs(w)+6e-45) {
			t.Fatalf("%s(%g) = %g, want %g (off by %g)", what, x[i], g, w, d)
		}
		worstAbs = max(worstAbs, d/max(1, math.Abs(w)))
		if math.Abs(w) > 1e-37 {
			worstRel = max(worstRel, d/math.Abs(w))
		}
	}
	t.Logf("%-18s worst error %.2g absolute (relative above 1), %.1f half ulp relative", what, worstAbs, worstRel/half)
}

func TestUnaryEveryLength(t *testing.T) {
	onEveryCPU(t, func(t *testing.T) {
		for u := NoUnary; u < unaryCount; u++ {
			for n := range 71 {
				x := random(uint64(n), n)
				y, check := fenced(t, n)
				one := make([]float32, n)
				Map(u, y, x)
				check(u.String())
				for i := range x {
					Map(u, one[i:i+1], x[i:i+1])
				}
				sameBits(t, u.String()+" one by one", one, y)
				if !u.Differentiable() {
					continue
				}
				dy := random(99, n)
				MapGrad(u, y, dy, x)
				check(u.String() + "Grad")
				for i := range x {
					MapGrad(u, one[i:i+1], dy[i:i+1], x[i:i+1])
				}
				sameBits(t, u.String()+"Grad one by one", one, y)
			}
		}
	})
}

func TestUnarySpecialValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	x := []float32{nan, inf, -inf, 0, float32(math.Copysign(0, -1)), 1, -1, 1e-45, -1e-45, math.MaxFloat32, -math.MaxFloat32}
	onEveryCPU(t, func(t *testing.T) {
		for u := NoUnary; u < unaryCount; u++ {
			y, want := make([]float32, len(x)), make([]float32, len(x))
			Map(u, y, x)
			mapReference(u, want, x)
			near(t, u.String(), y, wide(want), 1e-7, 3e-7)
			if !u.Differentiable() {
				continue
			}
			MapGrad(u, y, []float32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, x)
			if u != IsNaN && u != Neg && u != NoUnary && y[0] == y[0] {
				t.Errorf("%v has slope %g at NaN", u, y[0])
			}
		}
	})
}

// The two instruction sets of amd64 run the same operations on every element, so that their results are the same.
func TestUnarySameBitsWithAVX2AndAVX512(t *testing.T) {
	if len(CPUs()) < 3 {
		t.Skip("needs AVX-512")
	}
	for u := NoUnary; u < unaryCount; u++ {
		x := sweep(u)
		var y, dx [2][]float32
		for i, name := range []string{"avx2", "avx512"} {
			restore, err := UseCPU(name)
			if err != nil {
				t.Fatal(err)
			}
			y[i], dx[i] = make([]float32, len(x)), make([]float32, len(x))
			Map(u, y[i], x)
			if u.Differentiable() {
				MapGrad(u, dx[i], x, x)
			}
			restore()
		}
		sameBits(t, u.String(), y[0], y[1])
		sameBits(t, u.String()+"Grad", dx[0], dx[1])
	}
}

func TestRowKernelsStayInside(t *testing.T) {
	onEveryCPU(t, func(t *testing.T) {
		for n := 1; n < 71; n++ {
			x, dy, gamma, beta := random(1, n), random(2, n), random(3, n), random(4, n)
			y, check := fenced(t, n)
			stat := []float32{0.1, 1.2}
			Softmax(y, x, 1, n)
			SoftmaxGrad(y, dy, x, 1, n)
			check("Softmax")
			LayerNorm(y, x, gamma, beta, nil, nil, 1, n, 1e-5)
			LayerNorm(y, x, nil, nil, nil, nil, 1, n, 1e-5)
			for _, g := range [][]float32{nil, gamma} {
				for _, a := range [][]float32{nil, beta} {
					LayerNormGrad(y, dy, x, g, stat[:1], stat[1:], a, 1, n)
				}
			}
			check("LayerNorm")
			for b := Add; b < binaryCount; b++ {
				binaryRow(b, y, x, 1, dy, 1)
				binaryRow(b, y, x, 1, dy[:1], 0)
				binaryRow(b, y, x[:1], 0, dy, 1)
			}
			check("binary")
			Axpy(y, 2, x)
			Scale(y, 2, x)
			check("Axpy")
		}
	})
}

func TestKernelsDoNotAllocate(t *testing.T) {
	const rows, n = 3, 50
	x, y, g := random(1, rows*n), random(2, rows*n), random(3, n)
	stat := make([]float32, rows)
	p, _ := NewBroadcast([]int{rows, n}, []int{rows, n}, []int{n})
	r, s := NewReduction([]int{rows, n}, []int{0}), NewReduction([]int{rows, n}, []int{1})
	tr := NewTranspose([]int{rows, n}, []int{1, 0})
	conv := &ConvShape{C: 3, H: 7, W: 7, Oc: 3, Kh: 3, Kw: 3, Sh: 1, Sw: 1, Dh: 1, Dw: 1, Groups: 1, Oh: 5, Ow: 5}
	deep := *conv
	deep.Groups = 3
	scratch := make([]float32, Conv2DScratch(conv))
	image, w, col := random(4, 3*7*7), random(5, 81), make([]float32, 3*7*7)
	q := &QuantScale{Scale: []float32{0.1}, Hi: 255}
	onEveryCPU(t, func(t *testing.T) {
		if a := testing.AllocsPerRun(3, func() {
			Map(GELU, y, x)
			MapGrad(GELU, y, y, x)
			p.Apply(Add, y, x, g)
			p.Apply(Pow, y, x, g)
			r.Apply(Sum, g, x)
			s.Apply(LogSumExp, stat, x)
			ApplyTranspose(tr, y, x)
			Softmax(y, x, rows, n)
			SoftmaxGrad(y, y, x, rows, n)
			LayerNorm(y, x, g, g, stat, stat, rows, n, 1e-5)
			LayerNormGrad(y, y, x, g, stat, stat, x, rows, n)
			LayerNormWeightGrad(g, g, y, x, stat, stat, rows, n)
			GroupNorm(y, x, nil, nil, nil, nil, 3, 15, 10, 1e-5)
			RMSNorm(y, x, g, stat, rows, n, 1e-5)
			Conv2D(y, image, w, nil, conv, scratch)
			Conv2DGradInput(image, y, w, conv, scratch)
			Conv2DGradWeight(w, y, image, conv, scratch)
			Conv2D(y, image, w, nil, &deep, scratch)
			Conv2DGradInput(image, y, w, &deep, scratch)
			Patchify(col, image, 3, 7, 7, 7, 7)
			Unpatchify(image, col, 3, 7, 7, 7, 7)
			QuantizeDequantize(y, x, q, 1, rows*n)
			Axpy(y, 0.5, x)
			Scale(y, 0.5, x)
			StridedCopy(y, []int{1, rows}, x, []int{n, 1}, []int{rows, n})
			StridedAdd(y, []int{1, rows}, x, []int{n, 1}, []int{rows, n})
		}); a != 0 {
			t.Errorf("%g allocations", a)
		}
	})
}
