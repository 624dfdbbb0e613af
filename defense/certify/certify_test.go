package certify

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/combin"
	"gonum.org/v1/gonum/stat/distuv"
	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/defensetest"
)

// tail is P(X ≥ k) of a binomial, summed term by term.
func tail(k, n int, p float64) float64 {
	s := 0.0
	for i := k; i <= n; i++ {
		s += math.Exp(combin.LogGeneralizedBinomial(float64(n), float64(i)) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return s
}

// At the bound, k or more successes have probability α: the definition of the Clopper–Pearson limit.
func TestLowerBound(t *testing.T) {
	for _, c := range [][2]int{{1, 10}, {9, 10}, {10, 10}, {500, 1000}, {995, 1000}, {3000, 3000}, {50, 100000}} {
		for _, alpha := range []float64{0.001, 0.05, 0.5} {
			p, err := LowerBound(c[0], c[1], alpha)
			if err != nil {
				t.Fatal(err)
			}
			got := 0.0
			if c[0] == c[1] {
				got = math.Pow(p, float64(c[1]))
			} else if c[1] <= 1000 {
				got = tail(c[0], c[1], p)
			} else {
				got = 1 - func() float64 {
					s := 0.0
					for i := range c[0] {
						s += distuv.Binomial{N: float64(c[1]), P: p}.Prob(float64(i))
					}
					return s
				}()
			}
			if math.Abs(got-alpha) > 1e-6 {
				t.Errorf("%v at α=%g: bound %g has tail %g", c, alpha, p, got)
			}
		}
	}
	// Cohen et al.: all 100,000 samples agree, α = 0.001: the largest certifiable radius is 3.81σ.
	p, err := LowerBound(100000, 100000, 0.001)
	if r := distuv.UnitNormal.Quantile(p); err != nil || math.Abs(r-3.81) > 0.005 {
		t.Errorf("largest radius %gσ, error %v", r, err)
	}
	for _, bad := range [][3]float64{{-1, 5, .1}, {6, 5, .1}, {0, 0, .1}, {1, 5, 0}, {1, 5, 1}, {1, 5, math.NaN()}} {
		if _, err := LowerBound(int(bad[0]), int(bad[1]), bad[2]); err == nil {
			t.Errorf("%v accepted", bad)
		}
	}
}

func TestSignTest(t *testing.T) {
	for _, c := range [][2]int{{5, 10}, {6, 10}, {9, 10}, {10, 10}, {60, 100}, {40, 100}} {
		want := min(1, 2*tail(max(c[0], c[1]-c[0]), c[1], 0.5))
		if got := signTest(c[0], c[1]); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v: p = %g, want %g", c, got, want)
		}
	}
}

// halfSpace is the classifier 1[mean of the pixels > ½], of which everything about smoothing is known: with d the distance
// of the picture from the plane, the smoothed label is right with probability Φ(d/σ) and the true radius is d.
func halfSpace(_ context.Context, images []*tensor.Dense) ([]int, error) {
	out := make([]int, len(images))
	for i, t := range images {
		s := 0.0
		for _, v := range t.Data().([]float32) {
			s += float64(v) - 0.5
		}
		if s > 0 {
			out[i] = 1
		}
	}
	return out, nil
}

// flat is a 2×2 picture of one grey at the L2 distance d from the plane.
func flat(d float64) *tensor.Dense {
	p := defense.NewPicture(2, 2)
	for i := range p.Pix {
		p.Pix[i] = float32(0.5 + d/math.Sqrt(12))
	}
	return p.Tensor()
}

// Over repetitions the certified radius exceeds the true one with a frequency of at most α (and not much less: the bound
// is tight for a half-space), and the true radius is approached.
func TestSmoothingCoverage(t *testing.T) {
	const d, sigma, alpha, runs = 0.4, 0.5, 0.1, 600
	image := flat(d)
	wrong, sum := 0, 0.0
	for seed := range uint64(runs) {
		c, err := Smoothing{Sigma: sigma, N0: 20, N: 400, Alpha: alpha, Seed: seed}.Certify(t.Context(), halfSpace, image)
		if err != nil {
			t.Fatal(err)
		}
		if c.Label != 1 || c.Radius > d {
			wrong++
		}
		sum += c.Radius / runs
	}
	bound := alpha*runs + 3*math.Sqrt(alpha*(1-alpha)*runs)
	if float64(wrong) > bound || float64(wrong) < alpha*runs/4 {
		t.Errorf("%d of %d certificates are wrong at α = %g", wrong, runs, alpha)
	}
	if math.Abs(sum-d) > 0.08 {
		t.Errorf("mean radius %g, the true one is %g", sum, d)
	}
}

func TestSmoothingAbstains(t *testing.T) {
	s := Smoothing{Sigma: 0.5, N0: 20, N: 200, Alpha: 0.001}
	c, err := s.Certify(t.Context(), halfSpace, flat(0))
	if err != nil || c.Label != Abstain || c.Radius != 0 {
		t.Errorf("on the plane: %+v, error %v", c, err)
	}
	if l, err := s.Predict(t.Context(), halfSpace, flat(0)); err != nil || l != Abstain {
		t.Errorf("on the plane: label %d, error %v", l, err)
	}
	if l, err := s.Predict(t.Context(), halfSpace, flat(0.5)); err != nil || l != 1 {
		t.Errorf("far from it: label %d, error %v", l, err)
	}
}

func TestSmoothingIgnoresTheBatch(t *testing.T) {
	s := Smoothing{Sigma: 0.4, N0: 13, N: 101, Alpha: 0.01, Seed: 3}
	var first Certificate
	for i, batch := range []int{0, 1, 7, 1000} {
		s.Batch = batch
		c, err := s.Certify(t.Context(), halfSpace, flat(0.3))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = c
		}
		if c != first {
			t.Errorf("batch %d: %+v, was %+v", batch, c, first)
		}
	}
}

func TestSmoothingErrors(t *testing.T) {
	good := Smoothing{Sigma: 1, N0: 1, N: 1, Alpha: 0.1}
	for name, change := range map[string]func(*Smoothing){
		"sigma": func(s *Smoothing) { s.Sigma = 0 }, "n0": func(s *Smoothing) { s.N0 = 0 }, "n =": func(s *Smoothing) { s.N = -1 },
		"alpha": func(s *Smoothing) { s.Alpha = 1 }, "batch": func(s *Smoothing) { s.Batch = -1 },
	} {
		s := good
		change(&s)
		if _, err := s.Certify(t.Context(), halfSpace, flat(0)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, f := range []Classifier{
		func(context.Context, []*tensor.Dense) ([]int, error) { return nil, errors.New("broken") },
		func(context.Context, []*tensor.Dense) ([]int, error) { return nil, nil },
		func(_ context.Context, x []*tensor.Dense) ([]int, error) { return []int{-1}, nil },
	} {
		if _, err := good.Certify(t.Context(), f, flat(0)); err == nil {
			t.Error("a bad classifier is accepted")
		}
	}
}

// Every place of the patch is inside one mask.
func TestMasksCoverEveryPatch(t *testing.T) {
	for _, c := range [][4]int{{32, 32, 5, 6}, {20, 31, 3, 4}, {10, 10, 10, 3}, {9, 7, 1, 9}, {16, 16, 4, 1}, {224, 224, 32, 6}} {
		d := DoubleMask{Patch: c[2], Masks: c[3]}
		masks, err := d.Set(c[0], c[1])
		if err != nil {
			t.Fatal(err)
		}
		if len(masks) > c[3]*c[3] {
			t.Errorf("%v: %d masks", c, len(masks))
		}
		for y := 0; y+c[2] <= c[0]; y++ {
			for x := 0; x+c[2] <= c[1]; x++ {
				covered := false
				for _, m := range masks {
					covered = covered || (m.Y0 <= y && m.X0 <= x && m.Y1 >= y+c[2] && m.X1 >= x+c[2])
				}
				if !covered {
					t.Fatalf("%v: the patch at (%d,%d) is in no mask", c, y, x)
				}
			}
		}
		for _, m := range masks {
			if m.Y0 < 0 || m.X0 < 0 || m.Y1 > c[0] || m.X1 > c[1] {
				t.Fatalf("%v: mask %v leaves the picture", c, m)
			}
		}
	}
	for _, c := range [][4]int{{8, 8, 9, 3}, {8, 8, 0, 3}, {8, 8, 2, 0}, {8, 8, 2, 99}} {
		if _, err := (DoubleMask{Patch: c[2], Masks: c[3]}).Set(c[0], c[1]); err == nil {
			t.Errorf("%v accepted", c)
		}
	}
}

// victim says 7 as long as a pixel of pure red shows, and 2 otherwise: a patch rules it completely, wherever it is visible.
func victim(_ context.Context, images []*tensor.Dense) ([]int, error) {
	out := make([]int, len(images))
	for i, t := range images {
		p, err := defense.PictureOf(t)
		if err != nil {
			return nil, err
		}
		out[i] = 2
		n := p.H * p.W
		for k := range n {
			if p.Pix[k] == 1 && p.Pix[n+k] == 0 && p.Pix[2*n+k] == 0 {
				out[i] = 7
			}
		}
	}
	return out, nil
}

// What is certified survives a patch at every place, against a classifier that the patch rules.
func TestDoubleMaskHoldsItsPromise(t *testing.T) {
	d := DoubleMask{Patch: 4, Masks: 3, Fill: [3]float32{0.5, 0.5, 0.5}, Batch: 5}
	clean := defensetest.Picture(14, 12, 1)
	if ok, err := d.Certify(t.Context(), victim, clean, 2); err != nil || !ok {
		t.Fatalf("certified %v, error %v", ok, err)
	}
	if ok, err := d.Certify(t.Context(), victim, clean, 3); err != nil || ok {
		t.Fatalf("a wrong label is certified (error %v)", err)
	}
	cases := map[Case]int{}
	for y := 0; y+4 <= 14; y++ {
		for x := 0; x+4 <= 12; x++ {
			attacked := clean.Clone().(*tensor.Dense)
			paint(attacked.Data().([]float32), 14, 12, y, x)
			if l, err := victim(t.Context(), []*tensor.Dense{attacked}); err != nil || l[0] != 7 {
				t.Fatalf("the patch at (%d,%d) does not work", y, x)
			}
			l, how, err := d.Predict(t.Context(), victim, attacked)
			if err != nil || l != 2 {
				t.Errorf("patch at (%d,%d): label %d, error %v", y, x, l, err)
			}
			cases[how]++
		}
	}
	if cases[Minority] == 0 {
		t.Errorf("cases met: %v", cases)
	}
	if l, how, err := d.Predict(t.Context(), victim, clean); err != nil || l != 2 || how != Agreed {
		t.Errorf("clean: %d, %s, %v", l, how, err)
	}
}

func paint(pix []float32, h, w, y0, x0 int) {
	for y := y0; y < y0+4; y++ {
		for x := x0; x < x0+4; x++ {
			pix[y*w+x], pix[(h+y)*w+x], pix[(2*h+y)*w+x] = 1, 0, 0
		}
	}
}
