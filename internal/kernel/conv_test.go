package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// naiveConv computes a convolution from its definition.
func naiveConv(x, w, bias []float32, s *ConvShape) []float64 {
	y := make([]float64, s.Oc*s.plane())
	cg, og := s.C/s.Groups, s.Oc/s.Groups
	index := make([]int, 6) // oc, oh, ow, c, kh, kw
	shape := []int{s.Oc, s.Oh, s.Ow, cg, s.Kh, s.Kw}
	for i, more := 0, true; more; i, more = i+1, next(index, shape) {
		oc := index[0]
		v := pixel(x, s, oc/og*cg+index[3], index[1]*s.Sh+index[4]*s.Dh-s.Pt, index[2]*s.Sw+index[5]*s.Dw-s.Pl)
		y[i/s.depth()] += v * float64(w[oc*s.depth()+i%s.depth()])
	}
	for oc, b := range bias {
		for p := range s.plane() {
			y[oc*s.plane()+p] += float64(b)
		}
	}
	return y
}

func TestConv2DAndItsGradients(t *testing.T) {
	shapes := []*ConvShape{
		{C: 6, H: 13, W: 13, Oc: 10, Kh: 1, Kw: 1, Sh: 1, Sw: 1, Dh: 1, Dw: 1, Groups: 2, Oh: 13, Ow: 13},
		{C: 5, H: 14, W: 14, Oc: 5, Kh: 7, Kw: 7, Sh: 1, Sw: 1, Dh: 1, Dw: 1, Pt: 3, Pl: 3, Pb: 3, Pr: 3, Groups: 5, Oh: 14, Ow: 14},
		{C: 64, H: 56, W: 40, Oc: 4, Kh: 3, Kw: 3, Sh: 1, Sw: 1, Dh: 1, Dw: 1, Pt: 1, Pl: 1, Pb: 1, Pr: 1, Groups: 1, Oh: 56, Ow: 40},
	}
	r := rand.New(rand.NewPCG(9, 9))
	for i := range 120 {
		shapes = append(shapes, randomConv(r, i%3 == 0))
	}
	onEveryCPU(t, func(t *testing.T) {
		for _, s := range shapes {
			checkConv(t, s)
		}
	})
}

// checkConv compares the result with the definition and the gradients with the adjoint identities
// <conv(x, w), dy> = <x, gradInput> = <w, gradWeight>, which fix them because a convolution is linear in each operand;
// random directions take the place of every coordinate.
func checkConv(t *testing.T, s *ConvShape) {
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	x, w, bias := random(1, s.C*s.H*s.W), random(2, s.Oc*s.depth()), random(3, s.Oc)
	n := s.Oc * s.plane()
	y, dy, scratch := random(4, n), random(5, n), random(6, Conv2DScratch(s))
	Conv2D(y, x, w, bias, s, scratch)
	near(t, "Conv2D", y, naiveConv(x, w, bias, s), 1e-5*math.Sqrt(float64(s.depth())), 1e-5)
	Conv2D(y, x, w, nil, s, scratch)
	want := dotReference(wide(y), wide(dy))
	tolerance := 1e-5 * math.Sqrt(float64(n*s.depth()))

	dx, dw, db := random(7, len(x)), make([]float32, len(w)), make([]float32, s.Oc)
	Conv2DGradInput(dx, dy, w, s, scratch)
	Conv2DGradWeight(dw, dy, x, s, scratch)
	Conv2DGradBias(db, dy, s)
	if a := Dot(x, dx); math.Abs(a-want) > tolerance {
		t.Fatalf("%+v: <x, GradInput> = %g, want %g", *s, a, want)
	}
	if a := Dot(w, dw); math.Abs(a-want) > tolerance {
		t.Fatalf("%+v: <w, GradWeight> = %g, want %g", *s, a, want)
	}
	Conv2D(y, make([]float32, len(x)), w, bias, s, scratch)
	if a, b := Dot(db, bias), Dot(y, dy); math.Abs(a-b) > tolerance {
		t.Fatalf("%+v: <bias, GradBias> = %g, want %g", *s, a, b)
	}
	// The gradients do not depend on the point they are taken at, so a second direction decides as well as any.
	other := random(8, len(x))
	Conv2D(y, other, w, nil, s, scratch)
	if a, b := Dot(other, dx), Dot(y, dy); math.Abs(a-b) > tolerance {
		t.Fatalf("%+v: <x', GradInput> = %g, want %g", *s, a, b)
	}
	Conv2DGradWeight(dw, dy, x, s, scratch)
	if a := Dot(w, dw); math.Abs(a-2*want) > 2*tolerance {
		t.Fatalf("%+v: GradWeight does not accumulate: %g, want %g", *s, a, 2*want)
	}
}
