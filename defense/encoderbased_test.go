package defense

import (
	"math"
	"math/rand/v2"
	"testing"
)

func randomVector(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 3))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

// The rotation equals the iteration written out: gradient of the cosine, its own norm, step, back to length one.
func TestCLIPureIsTheIteration(t *testing.T) {
	for _, c := range []struct {
		steps int
		step  float64
	}{{1, 0.3}, {10, 0.1}, {10, 30}, {7, 2}, {3, 30}} {
		blank, z := randomVector(9, 1), randomVector(9, 2)
		d, err := NewCLIPureCos(blank, c.steps, c.step)
		if err != nil {
			t.Fatal(err)
		}
		u, _ := unit(z)
		b, _ := unit(blank)
		for range c.steps {
			cos, norm := 0.0, 0.0
			for i := range u {
				cos += u[i] * b[i]
			}
			g := make([]float64, len(u))
			for i := range u {
				g[i] = b[i] - cos*u[i]
				norm += g[i] * g[i]
			}
			length := 0.0
			for i := range u {
				u[i] += c.step * g[i] / math.Sqrt(norm)
				length += u[i] * u[i]
			}
			for i := range u {
				u[i] /= math.Sqrt(length)
			}
		}
		m := d.turn(z)
		for i, v := range m.apply(z) {
			if want := u[i] * math.Sqrt(sumSquares(z)); math.Abs(float64(v)-want) > 1e-5 {
				t.Fatalf("%v: value %d is %g, the iteration gives %g", d, i, v, want)
			}
		}
	}
}

// With one norm per image the released steps undo each other in pairs.
func TestCLIPureReleasedSettingIsTheIdentity(t *testing.T) {
	z, blank := randomVector(20, 4), randomVector(20, 5)
	for i := range z {
		z[i] += blank[i] // an acute angle, as between CLIP's images and texts
	}
	d, err := NewCLIPureCos(blank, 10, 30)
	if err != nil {
		t.Fatal(err)
	}
	m := d.turn(z)
	for i, v := range m.apply(z) {
		if math.Abs(float64(v-z[i])) > 1e-5 {
			t.Fatalf("value %d: %g, was %g", i, v, z[i])
		}
	}
}

func TestAntiAdversaryGradient(t *testing.T) {
	d, err := NewAntiAdversary([][]float32{randomVector(6, 1), randomVector(6, 2), randomVector(6, 3)}, 2, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	z := randomVector(6, 7)
	y := argmax(d.logits(z))
	g := d.gradient(z, d.logits(z), y)
	for i := range z {
		const h = 1e-3
		value := func(step float32) float64 {
			p := append([]float32(nil), z...)
			p[i] += step
			l, rest := d.logits(p), 0.0
			for k, v := range l {
				if k != y {
					rest += math.Exp(v - l[y])
				}
			}
			return -math.Log(rest)
		}
		got := (value(h) - value(-h)) / (2 * h)
		if math.Abs(got-float64(g[i])) > 1e-2*(1+math.Abs(got)) {
			t.Errorf("coordinate %d: %g by differences, %g by the gradient", i, got, g[i])
		}
	}
}
