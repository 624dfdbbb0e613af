package attack

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestToHyperplane checks that moves reach the plane inside [0,1], and that no random feasible move is
// smaller.
func TestToHyperplane(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 8))
	const n = 6
	for _, norm := range []Norm{NormLinf, NormL2, NormL1} {
		for range 200 {
			x, w, d := make([]float32, n), make([]float32, n), make([]float64, n)
			reach := 0.0
			for i := range x {
				x[i], w[i] = rng.Float32(), float32(rng.NormFloat64())
				if w[i] > 0 {
					reach += float64(w[i]) * (1 - float64(x[i]))
				} else {
					reach -= float64(w[i]) * float64(x[i])
				}
			}
			c := reach * rng.Float64() * 1.2
			toHyperplane(d, x, w, c, norm)
			got := 0.0
			for i := range d {
				got += d[i] * float64(w[i])
				if y := float64(x[i]) + d[i]; y < -1e-6 || y > 1+1e-6 {
					t.Fatalf("%s: value %d leaves [0,1]: %v", norm, i, y)
				}
			}
			if math.Abs(got-min(c, reach)) > 1e-5*(1+c) {
				t.Fatalf("%s: reaches %v of %v (at most %v)", norm, got, c, reach)
			}
			if c < reach {
				checkSmallest(t, rng, d, x, w, c, norm)
			}
		}
	}
}

// checkSmallest tries random exchanges of two values' moves that stay on the plane.
func checkSmallest(t *testing.T, rng *rand.Rand, d []float64, x, w []float32, c float64, norm Norm) {
	t.Helper()
	size := normOf(d, norm)
	for range 30 {
		e := append([]float64(nil), d...)
		i, j := rng.IntN(len(d)), rng.IntN(len(d))
		if i == j {
			continue
		}
		s := 0.1 * uniform(rng)
		e[i] += s / float64(w[i])
		e[j] -= s / float64(w[j])
		ok := true
		for k := range e {
			y := float64(x[k]) + e[k]
			ok = ok && y >= 0 && y <= 1
		}
		if ok && normOf(e, norm) < size-1e-7*(1+size) {
			t.Fatalf("%s: a move of %v reaches the plane, found one of %v", norm, normOf(e, norm), size)
		}
	}
}
