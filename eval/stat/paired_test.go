package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The variance of Efron and Tibshirani's spatial test data (An Introduction to the Bootstrap, 1993, §14.2): θ̂
// = 171.5, acceleration 0.061, and the 90 % BCa interval (115.8, 259.6) from 2000 resamples of theirs.
func TestBCaAgainstEfronTibshirani(t *testing.T) {
	data := []float64{48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41}
	variance := func(indices []int) float64 {
		m := Mean(data)(indices)
		var s float64
		for _, i := range indices {
			s += (data[i] - m) * (data[i] - m)
		}
		return s / float64(len(indices))
	}
	if a := Acceleration(len(data), variance); math.Abs(a-0.061) > 0.0006 {
		t.Errorf("acceleration %.4f, published 0.061", a)
	}
	e, err := Bootstrap{Level: 0.9, Resamples: 20000, Seed: 1}.BCa(len(data), variance)
	if err != nil || math.Abs(e.Value-171.5) > 0.05 {
		t.Fatalf("%+v, %v", e, err)
	}
	if math.Abs(e.Interval.Lo-115.8) > 4 || math.Abs(e.Interval.Hi-259.6) > 6 {
		t.Errorf("interval %v, published [115.8, 259.6]", e.Interval)
	}
}

func TestBCaIsDeterministicAndCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	covered := 0
	const trials = 200
	for range trials {
		v := make([]float64, 40)
		for i := range v {
			v[i] = rng.ExpFloat64()
		}
		b := Bootstrap{Level: 0.9, Resamples: 500, Seed: 9}
		e, err := b.BCa(len(v), Mean(v))
		again, _ := b.BCa(len(v), Mean(v))
		if err != nil || e.Interval != again.Interval {
			t.Fatalf("%v, then %v, %v", e, again, err)
		}
		if e.Interval.Contains(1) {
			covered++
		}
	}
	if covered < 168 || covered > 194 { // 180 expected; the mean of 40 exponentials is covered a little less
		t.Errorf("%d of %d intervals at 90 %% cover the mean", covered, trials)
	}
}

func TestBCaSaysWhenItCannotKnow(t *testing.T) {
	e, err := Bootstrap{Resamples: 200}.BCa(5, Mean([]float64{1, 1, 1, 1, 1}))
	if err != nil || e.Interval.Lo != 1 || e.Interval.Hi != 1 || len(e.Warnings) == 0 {
		t.Errorf("constant sample: %+v, %v", e, err)
	}
	e, err = Bootstrap{Resamples: 200}.BCa(5, func([]int) float64 { return math.NaN() })
	if err != nil || !math.IsNaN(e.Interval.Lo) || len(e.Warnings) == 0 {
		t.Errorf("undefined score: %+v, %v", e, err)
	}
	if _, err := (Bootstrap{}).BCa(0, Mean(nil)); err == nil {
		t.Error("no samples were accepted")
	}
	if _, err := (Bootstrap{Level: 2}).BCa(3, Mean([]float64{1, 2, 3})); err == nil {
		t.Error("level 2 was accepted")
	}
}

func TestMcNemarByHand(t *testing.T) {
	cases := []struct {
		a, b int
		want float64
	}{
		{0, 0, 1}, {1, 1, 1}, {1, 5, 14.0 / 64}, {0, 6, 2.0 / 64}, {8, 2, 2 * 56.0 / 1024}, {5, 5, 1},
	}
	for _, c := range cases {
		if got := (Discordant{OnlyA: c.a, OnlyB: c.b, N: 20}).McNemar(); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%d : %d gives %v, want %v", c.a, c.b, got, c.want)
		}
	}
	d, err := Compare([]bool{true, true, false, true}, []bool{false, true, true, false})
	if err != nil || d != (Discordant{OnlyA: 2, OnlyB: 1, N: 4}) || d.Drop() != 0.25 {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := Compare([]bool{true}, nil); err == nil {
		t.Error("unpaired outcomes were accepted")
	}
}

// The four p-values of a textbook example: sorted 0.005·4, 0.01·3, 0.03·2, 0.04·1 made monotone.
func TestHolmByHand(t *testing.T) {
	got := Holm([]float64{0.01, 0.04, 0.03, 0.005})
	for i, want := range []float64{0.03, 0.06, 0.06, 0.02} {
		if math.Abs(got[i]-want) > 1e-15 {
			t.Errorf("adjusted %v", got)
		}
	}
	got = Holm([]float64{math.NaN(), 0.5, 0.9})
	if !math.IsNaN(got[0]) || got[1] != 1 || got[2] != 1 {
		t.Errorf("adjusted %v", got)
	}
}

// Pairing removes the variation that both share: the interval of the difference is narrow although each
// score's own is wide.
func TestPairedDifference(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const n = 100
	a, c := make([]float64, n), make([]float64, n)
	for i := range a {
		hard := 10 * rng.NormFloat64()
		a[i], c[i] = hard+0.3+0.5*rng.NormFloat64(), hard
	}
	b := Bootstrap{Resamples: 2000, Seed: 1}
	d, err := b.Paired(n, Mean(a), Mean(c))
	if err != nil || !d.Interval.Contains(0.3) || d.Interval.Hi-d.Interval.Lo > 0.3 || d.P > 0.01 {
		t.Errorf("%+v, %v", d, err)
	}
	same, err := b.Paired(n, Mean(a), Mean(a))
	if err != nil || same.P != 1 || same.Value != 0 {
		t.Errorf("a against itself: %+v, %v", same, err)
	}
}

func TestMinimumDetectableDrop(t *testing.T) {
	// Without gains the test rejects at six losses and none gained (2/64 < 0.05), so the drop d solves
	// P(Binomial(n, d) ≥ 6) = power.
	for _, n := range []int{10, 50, 200} {
		d, err := MinimumDetectableDrop(n, 0, 0.05, 0.8)
		if err != nil {
			t.Fatal(err)
		}
		var below float64
		for k := range 6 {
			below += math.Exp(logBinomial(n, k) + float64(k)*math.Log(d) + float64(n-k)*math.Log1p(-d))
		}
		if math.Abs(1-below-0.8) > 1e-6 {
			t.Errorf("n=%d: drop %.4f is shown with probability %.6f", n, d, 1-below)
		}
	}
	if d, _ := MinimumDetectableDrop(5, 0, 0.05, 0.8); !math.IsInf(d, 1) {
		t.Errorf("five images can show a drop of %v", d)
	}
	without, _ := MinimumDetectableDrop(200, 0, 0.05, 0.8)
	with, _ := MinimumDetectableDrop(200, 0.05, 0.05, 0.8)
	if !(with > without) {
		t.Errorf("gains make the drop easier to see: %v, %v", with, without)
	}
	if _, err := MinimumDetectableDrop(0, 0, 0.05, 0.8); err == nil {
		t.Error("n = 0 was accepted")
	}
}

// Simulation of the power with gains.
func TestPowerBySimulation(t *testing.T) {
	const n, gain, trials = 120, 0.04, 4000
	d, err := MinimumDetectableDrop(n, gain, 0.05, 0.8)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	shown := 0
	for range trials {
		var c Discordant
		for range n {
			switch u := rng.Float64(); {
			case u < d+gain:
				c.OnlyA++
			case u < d+2*gain:
				c.OnlyB++
			}
		}
		if c.OnlyA > c.OnlyB && c.McNemar() <= 0.05 {
			shown++
		}
	}
	if p := float64(shown) / trials; math.Abs(p-0.8) > 0.025 {
		t.Errorf("drop %.4f was shown in %.3f of the trials, want 0.8", d, p)
	}
}
