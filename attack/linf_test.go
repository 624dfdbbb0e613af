package attack

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gorgonia.org/tensor"
)

func nextToward(y, dir float32) float32 {
	return math.Nextafter32(y, dir*float32(math.Inf(1)))
}

// randomImage draws an image, on the 8-bit grid or between its levels.
func randomImage(rng *rand.Rand, h, w int, grid bool) *tensor.Dense {
	x := make([]float32, 3*h*w)
	for i := range x {
		if x[i] = rng.Float32(); grid {
			x[i] = fromLevel(rng.IntN(256))
		}
	}
	return newImage(x, h, w)
}

func mustBall(t testing.TB, tm ThreatModel, clean *tensor.Dense) Ball {
	t.Helper()
	b, err := tm.Ball(0, clean)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLinfProjection(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		clean := randomImage(rng, 5, 4, rng.IntN(2) == 0)
		mask, _ := NewMask(5, 4)
		mask.AllowRect(1, 1, 4, 3)
		tm := Linf(NewRatio(int64(1+rng.IntN(60)), 255))
		if rng.IntN(2) == 0 {
			tm.Masks = []*Mask{mask}
		}
		b := mustBall(t, tm, clean)
		x := make([]float32, 60)
		for i := range x {
			x[i] = float32(3*rng.Float64() - 1)
		}
		b.Project(x)
		if !b.Contains(x) {
			t.Fatalf("%s: the projection is outside", tm)
		}
		for i, v := range x {
			if tm.Masks != nil && !mask.allows(i) && v != floats(clean)[i] {
				t.Fatalf("%s: value %d changed outside the mask", tm, i)
			}
		}
		again := append([]float32(nil), x...)
		b.Project(again)
		inside := append([]float32(nil), floats(clean)...)
		b.Sample(inside, rng)
		moved := append([]float32(nil), inside...)
		b.Project(moved)
		for i := range x {
			if again[i] != x[i] || moved[i] != inside[i] {
				t.Fatalf("%s: projecting an allowed point moved it", tm)
			}
		}
		k := rng.IntN(60)
		x[k] = nextToward(b.(*linfBall).hi[k], 1)
		if _, grid := level(x[k]); x[k] <= 1 && !grid && b.Contains(x) {
			t.Fatalf("%s: one ulp beyond the bound counts as inside", tm)
		}
	}
}

func TestThreatModelErrors(t *testing.T) {
	clean := randomImage(rand.New(rand.NewPCG(1, 1)), 4, 6, true)
	small, _ := NewMask(4, 4)
	eps := NewRatio(8, 255)
	for _, c := range []struct {
		tm   ThreatModel
		want string
	}{
		{ThreatModel{Norm: NormLinf}, "missing"},
		{Linf(NewRatio(300, 255)), "whole pixel range"},
		{Linf(NewRatio(0, 1)), "zero"},
		{ThreatModel{Norm: "l3", Eps: eps}, "unknown norm"},
		{ThreatModel{Norm: NormLinf, Eps: eps, Masks: []*Mask{small, small}}, "2 masks for 1"},
		{ThreatModel{Norm: NormLinf, Eps: eps, Masks: []*Mask{{H: 4, W: 6}}}, "0 entries"},
	} {
		if err := c.tm.Validate(1); !errors.Is(err, ErrThreat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.tm, err, c.want)
		}
	}
	tm := Linf(eps)
	tm.Masks = []*Mask{small}
	if _, err := tm.Ball(0, clean); !errors.Is(err, ErrThreat) || !strings.Contains(err.Error(), "4×4 pixels, the image 4×6") {
		t.Errorf("mask of the wrong size: %v", err)
	}
}

func TestPixels(t *testing.T) {
	bad := randomImage(rand.New(rand.NewPCG(1, 1)), 2, 3, true)
	floats(bad)[7] = 1.5
	for _, c := range []struct {
		t    *tensor.Dense
		want string
	}{
		{nil, "missing"},
		{bad, "channel 1 at row 0, column 1 is 1.5"},
		{tensor.New(tensor.WithShape(1, 2, 2), tensor.Of(tensor.Float32)), "want 3×H×W"},
		{tensor.New(tensor.WithShape(3, 2, 2), tensor.Of(tensor.Float64)), "want 3×H×W float32"},
	} {
		if _, _, _, err := pixels(c.t); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: want %q", err, c.want)
		}
	}
}
