package attack

import (
	"math"
	"math/rand/v2"
	"testing"
)

// threats are the threat models the properties are checked on; masked says to allow a part only.
func threats(rng *rand.Rand, h, w int) []ThreatModel {
	mask, _ := NewMask(h, w)
	mask.AllowRect(0, 1, h-1, w)
	var list []ThreatModel
	for _, tm := range []ThreatModel{
		Linf(NewRatio(8, 255)), L2(NewRatio(1, 2)), L2(NewRatio(3, 1)), L1(NewRatio(2, 1)), L1(NewRatio(1, 3)), L1(NewRatio(40, 1)),
		L0(NewRatio(3, 1)), L0(NewRatio(1, 4)), Patch(NewRatio(1, 4)), Patch(NewRatio(1, 9)),
	} {
		masked := tm
		masked.Masks = []*Mask{mask}
		list = append(list, tm, masked)
	}
	at := Patch(NewRatio(1, 4))
	at.At = &Corner{rng.IntN(2), rng.IntN(2)}
	return append(list, at)
}

func TestBallProperties(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	const h, w = 5, 6
	for range 30 {
		for _, tm := range threats(rng, h, w) {
			clean := randomImage(rng, h, w, rng.IntN(2) == 0)
			ball := mustBall(t, tm, clean)
			spread := math.Pow(10, -2+3*rng.Float64())
			y := make([]float32, 3*h*w)
			for i := range y {
				y[i] = floats(clean)[i] + float32(spread*uniform(rng))
			}
			if rng.IntN(5) == 0 {
				y[rng.IntN(len(y))] *= 1e6
			}
			checkProjection(t, tm, ball, floats(clean), y, rng)
		}
	}
}

func checkProjection(t *testing.T, tm ThreatModel, ball Ball, clean, y []float32, rng *rand.Rand) {
	t.Helper()
	p := append([]float32(nil), y...)
	ball.Project(p)
	if !ball.Contains(p) {
		t.Fatalf("%s: the projection is outside (size %v)", tm, ball.Size(p))
	}
	if !ball.Contains(clean) {
		t.Fatalf("%s: the clean image is outside", tm)
	}
	again := append([]float32(nil), p...)
	ball.Project(again)
	z := append([]float32(nil), clean...)
	ball.Sample(z, rng)
	if !ball.Contains(z) {
		t.Fatalf("%s: a sample is outside (size %v)", tm, ball.Size(z))
	}
	moved := append([]float32(nil), z...)
	ball.Project(moved)
	for i := range p {
		if again[i] != p[i] || moved[i] != z[i] {
			t.Fatalf("%s: projecting an allowed point moved it", tm)
		}
	}
	if d, best := distance(y, z), distance(y, p); d < best-1e-6*(1+best) {
		t.Fatalf("%s: a sample is nearer (%v) than the projection (%v)", tm, d, best)
	}
	if tm.Norm == NormLinf || tm.Norm == NormL2 || tm.Norm == NormL1 {
		// p is the nearest point of a convex set exactly if no allowed z lies beyond it: ⟨y−p, z−p⟩ ≤ 0.
		beyond, scale := 0.0, 1e-12
		for i := range p {
			a, b := float64(y[i])-float64(p[i]), float64(z[i])-float64(p[i])
			beyond += a * b
			scale += math.Abs(a * b)
		}
		if beyond > 2e-6*scale+1e-6*distance(y, p)*distance(z, p) {
			t.Fatalf("%s: not the nearest point: ⟨y−p,z−p⟩ = %v", tm, beyond)
		}
	}
}

func distance(a, b []float32) float64 {
	s := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		s += d * d
	}
	return math.Sqrt(s)
}

// TestProjectionReachesEps: from far outside, the projections of the convex norms use all of ε.
func TestProjectionReachesEps(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for _, tm := range []ThreatModel{Linf(NewRatio(8, 255)), L2(NewRatio(1, 2)), L1(NewRatio(2, 1))} {
		clean := randomImage(rng, 8, 8, true)
		ball := mustBall(t, tm, clean)
		y := randomImage(rng, 8, 8, false)
		ball.Project(floats(y))
		if s := ball.Size(floats(y)); math.Abs(s-tm.Eps.Float()) > 1e-5*tm.Eps.Float() {
			t.Errorf("%s: the projection has size %v", tm, s)
		}
	}
}

// TestSparseProjections compares with trying every choice of pixels and every square.
func TestSparseProjections(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	const h, w = 3, 3
	for range 40 {
		clean, y := randomImage(rng, h, w, true), randomImage(rng, h, w, false)
		for i := range floats(y) {
			floats(y)[i] = floats(y)[i]*2 - 0.5
		}
		for _, c := range []struct {
			tm      ThreatModel
			allowed func(set int) bool
		}{
			{L0(NewRatio(2, 1)), func(set int) bool { return popcount(set) <= 2 }},
			{Patch(NewRatio(4, 9)), func(set int) bool {
				for _, square := range []int{0b000011011, 0b000110110, 0b011011000, 0b110110000} {
					if set&^square == 0 {
						return true
					}
				}
				return false
			}},
		} {
			best := math.Inf(1)
			for set := range 1 << (h * w) {
				if !c.allowed(set) {
					continue
				}
				d := 0.0
				for i, v := range floats(y) {
					z := floats(clean)[i]
					if set>>(i%(h*w))&1 == 1 {
						z = min(max(v, 0), 1)
					}
					d += (float64(v) - float64(z)) * (float64(v) - float64(z))
				}
				best = min(best, math.Sqrt(d))
			}
			p := append([]float32(nil), floats(y)...)
			mustBall(t, c.tm, clean).Project(p)
			if d := distance(floats(y), p); math.Abs(d-best) > 1e-6 {
				t.Fatalf("%s: the projection is %v away, the nearest point %v", c.tm, d, best)
			}
		}
	}
}

func popcount(set int) (n int) {
	for ; set > 0; set &= set - 1 {
		n++
	}
	return n
}

// TestContainsIsExact probes the L1 and L2 balls at their very edge with numbers float64 adds exactly.
func TestContainsIsExact(t *testing.T) {
	clean := newImage(make([]float32, 12), 2, 2)
	x := make([]float32, 12)
	x[0], x[1] = 0.375, 0.5 // L2 0.625, L1 0.875
	for _, tm := range []ThreatModel{L2(NewRatio(5, 8)), L1(NewRatio(7, 8))} {
		ball := mustBall(t, tm, clean)
		if !ball.Contains(x) {
			t.Errorf("%s leaves out a point exactly at ε", tm)
		}
		y := append([]float32(nil), x...)
		y[5] = 1e-20
		if ball.Contains(y) {
			t.Errorf("%s lets in a point beyond ε by 1e-20", tm)
		}
	}
}

// TestQuantizeNorms rounds projections of every norm and checks the rounding exactly.
func TestQuantizeNorms(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	const h, w = 5, 6
	for range 20 {
		for _, tm := range threats(rng, h, w) {
			clean, y := randomImage(rng, h, w, true), randomImage(rng, h, w, false)
			ball := mustBall(t, tm, clean)
			ball.Project(floats(y))
			q, err := Quantize(tm, 0, clean, y)
			if err != nil {
				t.Fatalf("%s: %v", tm, err)
			}
			if !ball.Contains(floats(q)) {
				t.Fatalf("%s: the rounded image is outside", tm)
			}
			for i, v := range floats(q) {
				if _, ok := level(v); !ok {
					t.Fatalf("%s: %v is no level", tm, v)
				}
				if math.Abs(float64(v)-float64(floats(y)[i])) > 1.0/255 {
					t.Fatalf("%s: value %d moved by more than a level", tm, i)
				}
			}
		}
	}
}
