package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// random returns n normal numbers, reproducibly.
func random(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 77))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// wide returns x in float64; nil stays nil.
func wide(x []float32) []float64 {
	if x == nil {
		return nil
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// near fails unless got is want up to an absolute and a relative tolerance; a NaN must meet a NaN.
func near(t testing.TB, what string, got []float32, want []float64, abs, rel float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		g := float64(got[i])
		if g == w || math.IsNaN(g) && math.IsNaN(w) {
			continue
		}
		if d := math.Abs(g - w); !(d <= abs+rel*math.Abs(w)) {
			t.Fatalf("%s: [%d] = %g, want %g (difference %g)", what, i, g, w, d)
		}
	}
}

// sameBits fails unless both hold the same bits.
func sameBits(t testing.TB, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: [%d] = %g (%#x), want %g (%#x)", what, i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

// checkGradient compares grad with central differences of loss at x, in float64.
func checkGradient(t testing.TB, what string, x, grad []float64, loss func() float64) {
	t.Helper()
	const h = 1e-5
	for i := range x {
		v := x[i]
		x[i] = v + h
		up := loss()
		x[i] = v - h
		down := loss()
		x[i] = v
		if want := (up - down) / (2 * h); math.Abs(grad[i]-want) > 1e-6*(1+math.Abs(want)) {
			t.Fatalf("%s: gradient[%d] = %g, central difference %g", what, i, grad[i], want)
		}
	}
}

// weighted returns Σ w·y, the loss whose cotangent at y is w.
func weighted(w, y []float64) float64 { return dotReference(w, y) }

// onEveryCPU runs f once per instruction set that works here.
func onEveryCPU(t *testing.T, f func(t *testing.T)) {
	for _, name := range CPUs() {
		t.Run(name, func(t *testing.T) {
			restore, err := UseCPU(name)
			if err != nil {
				t.Fatal(err)
			}
			defer restore()
			f(t)
		})
	}
}

// next advances a multi-index and reports whether there is one more.
func next(index, shape []int) bool {
	for a := len(shape) - 1; a >= 0; a-- {
		if index[a]++; index[a] < shape[a] {
			return true
		}
		index[a] = 0
	}
	return false
}

// at returns the position of a multi-index.
func at(index, stride []int) int {
	p := 0
	for a, i := range index {
		p += i * stride[a]
	}
	return p
}
