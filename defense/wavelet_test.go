package defense

import (
	"math"
	"math/rand/v2"
	"testing"
)

func randomPlane(h, w, levels int, seed uint64) *waveletPlane {
	t := newWaveletPlane(h, w, levels)
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range t.v {
		t.v[i] = rng.NormFloat64()
	}
	return t
}

// The transform is orthonormal: it preserves inner products and inverts itself.
func TestWaveletIsOrthonormal(t *testing.T) {
	a, b := randomPlane(16, 24, 3, 1), randomPlane(16, 24, 3, 2)
	before, original := dot64(a.v, b.v), append([]float64(nil), a.v...)
	a.forward()
	b.forward()
	if after := dot64(a.v, b.v); math.Abs(after-before) > 1e-10 {
		t.Errorf("inner product %g becomes %g", before, after)
	}
	a.inverse()
	for i, v := range a.v {
		if math.Abs(v-original[i]) > 1e-12 {
			t.Fatalf("sample %d: %g after the round trip, was %g", i, v, original[i])
		}
	}
}

func dot64(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

// Two vanishing moments: a ramp has no details where it does not wrap around.
func TestWaveletVanishingMoments(t *testing.T) {
	p := newWaveletPlane(16, 16, 1)
	for i := range p.v {
		p.v[i] = 0.3 + 0.02*float64(i%16) - 0.01*float64(i/16)
	}
	p.forward()
	for y := range 7 {
		for x := range 7 {
			for _, i := range []int{y*16 + 8 + x, (8+y)*16 + x, (8+y)*16 + 8 + x} {
				if math.Abs(p.v[i]) > 1e-12 {
					t.Fatalf("detail %d is %g", i, p.v[i])
				}
			}
		}
	}
}

// On white noise of standard deviation s the estimate is s, and a smooth picture under it comes out much cleaner.
func TestWaveletRemovesNoise(t *testing.T) {
	p := randomPlane(128, 128, 3, 9)
	clean := make([]float64, len(p.v))
	for i := range p.v {
		clean[i] = 4 * math.Sin(float64(i%128)/20)
		p.v[i] = clean[i] + 0.5*p.v[i]
	}
	p.forward()
	if variance, _ := p.noise(); math.Abs(math.Sqrt(variance)-0.5) > 0.03 {
		t.Errorf("noise estimated as %g, want 0.5", math.Sqrt(variance))
	}
	p.shrink()
	p.inverse()
	mse := 0.0
	for i, v := range p.v {
		mse += (v - clean[i]) * (v - clean[i]) / float64(len(p.v))
	}
	if mse > 0.25/5 {
		t.Errorf("mean squared error %g, the noise had 0.25", mse)
	}
}

// The gradient of the shrinkage, thresholds included, against central differences in float64.
func TestWaveletShrinkGradient(t *testing.T) {
	p, g := randomPlane(16, 16, 2, 4), randomPlane(16, 16, 2, 5)
	for i := range p.v { // a signal well above the noise, so that thresholds are finite
		p.v[i] *= 0.2 + 3*float64(i%3)
	}
	value := func(i int, step float64) float64 {
		q := newWaveletPlane(16, 16, 2)
		copy(q.v, p.v)
		q.v[i] += step
		q.shrink()
		return dot64(q.v, g.v)
	}
	grad := append([]float64(nil), g.v...)
	p.shrinkAdjoint(grad)
	for i, want := range grad {
		const h = 1e-7
		if got := (value(i, h) - value(i, -h)) / (2 * h); math.Abs(got-want) > 1e-5 {
			t.Errorf("coefficient %d: %g by differences, %g by the gradient", i, got, want)
		}
	}
}
