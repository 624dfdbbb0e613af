package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// kink lists the points where a function has no derivative; tests keep away from them.
var kinks = map[Unary][]float64{Abs: {0}, Relu: {0}, HardSigmoid: {-3, 3}, HardSwish: {-3, 3}}

// domain returns a point where u is defined and smooth.
func domain(u Unary, r *rand.Rand) float64 {
	for {
		x := 3 * r.NormFloat64()
		switch u {
		case Log, Sqrt, ReciprocalSqrt, Reciprocal:
			x = 0.1 + math.Abs(x)
		case Tan:
			x = math.Mod(x, 1.2)
		}
		if smooth(u, x) {
			return x
		}
	}
}

func smooth(u Unary, x float64) bool {
	for _, k := range kinks[u] {
		if math.Abs(x-k) < 1e-3 {
			return false
		}
	}
	return true
}

func TestUnarySlopesAreTheCentralDifferencesOfTheReference(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const h = 1e-5
	for u := NoUnary; u < unaryCount; u++ {
		if !u.Differentiable() {
			continue
		}
		for range 200 {
			x := domain(u, r)
			at := []float64{x - h, x + h}
			y := make([]float64, 2)
			mapReference(u, y, at)
			want := (y[1] - y[0]) / (2 * h)
			got := []float64{2}
			mapGradReference(u, got, got, []float64{x})
			if math.Abs(got[0]-2*want) > 1e-6*(1+math.Abs(want)) {
				t.Fatalf("%v: 2·slope at %g is %g, central difference %g", u, x, got[0], 2*want)
			}
		}
	}
}

func TestUnaryKnownValues(t *testing.T) {
	for _, c := range []struct {
		u    Unary
		x, y float64
	}{
		{NoUnary, -2, -2}, {Neg, 3, -3}, {Abs, -3, 3}, {Exp, 1, math.E}, {Log, math.E, 1}, {Sqrt, 9, 3}, {Reciprocal, 4, 0.25},
		{ReciprocalSqrt, 4, 0.5}, {Square, -3, 9}, {Tanh, 0.5, 0.46211715726000975}, {Sigmoid, 0, 0.5}, {Sigmoid, 2, 0.8807970779778823},
		{Erf, 0.5, 0.5204998778130465}, {Relu, -1, 0}, {Relu, 2, 2}, {GELU, 1, 0.8413447460685429}, {GELU, -1, -0.15865525393145707},
		{GELUTanh, 1, 0.8411919906082768}, {QuickGELU, 1, 0.8457957659328212}, {SiLU, 1, 0.7310585786300049}, {Sin, math.Pi / 6, 0.5},
		{Cos, math.Pi / 3, 0.5}, {Tan, math.Pi / 4, 1}, {Atan, 1, math.Pi / 4}, {Softplus, 0, math.Ln2}, {Softsign, -1, -0.5},
		{Mish, 1, 0.8650983882673103}, {HardSigmoid, 0, 0.5}, {HardSigmoid, 4, 1}, {HardSwish, 1, 2.0 / 3}, {HardSwish, -4, 0},
		{Floor, -1.5, -2}, {Ceil, -1.5, -1}, {Round, 2.5, 2}, {Round, 3.5, 4}, {Sign, -7, -1}, {Not, 0, 1}, {Not, 2, 0},
		{IsNaN, math.NaN(), 1}, {IsNaN, 1, 0}, {IsInf, math.Inf(-1), 1}, {IsInf, 1, 0},
	} {
		y := []float64{0}
		mapReference(c.u, y, []float64{c.x})
		if math.Abs(y[0]-c.y) > 1e-14*(1+math.Abs(c.y)) {
			t.Errorf("%v(%g) = %.17g, want %.17g", c.u, c.x, y[0], c.y)
		}
		f := []float32{float32(c.x)}
		Map(c.u, f, f)
		if math.Abs(float64(f[0])-c.y) > 3e-7*(1+math.Abs(c.y)) {
			t.Errorf("Map(%v, %g) = %g, want %g", c.u, c.x, f[0], c.y)
		}
	}
}

func TestUnaryNaNPropagates(t *testing.T) {
	nan := float32(math.NaN())
	for u := NoUnary; u < unaryCount; u++ {
		x := []float32{nan, 1, nan}
		y := make([]float32, 3)
		Map(u, y, x)
		if u != Not && u != IsNaN && u != IsInf && (y[0] == y[0] || y[2] == y[2]) {
			t.Errorf("%v(NaN) = %g", u, y[0])
		}
		if y[1] != y[1] {
			t.Errorf("%v(1) is NaN next to a NaN", u)
		}
	}
}

func TestUnaryNames(t *testing.T) {
	seen := map[string]bool{}
	for u := NoUnary; u < unaryCount; u++ {
		if s := u.String(); s == "" || seen[s] || unaryTable[u].value == nil {
			t.Errorf("Unary %d has name %q", u, s)
		} else {
			seen[s] = true
		}
	}
	if s := Unary(200).String(); s != "Unary(200)" {
		t.Errorf("got %q", s)
	}
	defer func() {
		if recover() == nil {
			t.Error("MapGrad(Floor) did not panic")
		}
	}()
	MapGrad(Floor, nil, nil, nil)
}
