package kernel

import (
	"math/rand/v2"
	"testing"
)

// randomConv returns a valid shape with random padding, stride, dilation and groups.
func randomConv(r *rand.Rand, depthwise bool) *ConvShape {
	for {
		g := 1 + r.IntN(3)
		s := &ConvShape{C: g * (1 + r.IntN(3)), Oc: g * (1 + r.IntN(3)), Groups: g, H: 1 + r.IntN(9), W: 1 + r.IntN(12),
			Kh: 1 + r.IntN(4), Kw: 1 + r.IntN(4), Sh: 1 + r.IntN(3), Sw: 1 + r.IntN(3), Dh: 1 + r.IntN(2), Dw: 1 + r.IntN(2),
			Pt: r.IntN(3), Pl: r.IntN(3), Pb: r.IntN(3), Pr: r.IntN(3)}
		if depthwise {
			s.Groups = s.C
			s.Oc = s.C * (1 + r.IntN(2))
		}
		s.Oh = OutputSize(s.H, s.Kh, s.Sh, s.Dh, s.Pt, s.Pb, false)
		s.Ow = OutputSize(s.W, s.Kw, s.Sw, s.Dw, s.Pl, s.Pr, false)
		if s.Oh > 0 && s.Ow > 0 && s.Validate() == nil {
			return s
		}
	}
}

// pixel returns the input at a place that may lie in the padding.
func pixel(x []float32, s *ConvShape, c, h, w int) float64 {
	if h < 0 || h >= s.H || w < 0 || w >= s.W {
		return 0
	}
	return float64(x[(c*s.H+h)*s.W+w])
}

func TestIm2ColReadsWhatTheWeightsMeet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		s := randomConv(r, false)
		x := random(1, s.C*s.H*s.W)
		cg := s.C / s.Groups
		col := random(2, s.depth()*s.plane())
		for g := range s.Groups {
			Im2Col(col, x, s, g)
			index := make([]int, 5)
			for i, more := 0, true; more; i, more = i+1, next(index, []int{cg, s.Kh, s.Kw, s.Oh, s.Ow}) {
				h := index[3]*s.Sh + index[1]*s.Dh - s.Pt
				w := index[4]*s.Sw + index[2]*s.Dw - s.Pl
				if want := pixel(x, s, g*cg+index[0], h, w); float64(col[i]) != want {
					t.Fatalf("%+v group %d %v: %g, want %g", *s, g, index, col[i], want)
				}
			}
			// <Im2Col x, c> = <x, Col2Im c>
			c := random(3, len(col))
			dx := make([]float32, len(x))
			Col2Im(dx, c, s, g)
			if a, b := Dot(col, c), Dot(x, dx); a-b > 1e-4 || b-a > 1e-4 {
				t.Fatalf("%+v: <Im2Col x, c> = %g, <x, Col2Im c> = %g", *s, a, b)
			}
		}
	}
}

func TestPatchify(t *testing.T) {
	for _, c := range [][5]int{{3, 8, 12, 4, 4}, {1, 6, 6, 2, 3}, {2, 9, 7, 4, 3}, {3, 224, 224, 32, 32}} {
		ch, h, w, ph, pw := c[0], c[1], c[2], c[3], c[4]
		s := &ConvShape{C: ch, H: h, W: w, Oc: 1, Kh: ph, Kw: pw, Sh: ph, Sw: pw, Dh: 1, Dw: 1, Groups: 1, Oh: h / ph, Ow: w / pw}
		x := random(1, ch*h*w)
		n := s.depth() * s.plane()
		col, want, by := make([]float32, n), make([]float32, n), make([]float32, n)
		Im2Col(by, x, s, 0)
		ApplyTranspose(NewTranspose([]int{s.depth(), s.plane()}, []int{1, 0}), want, by)
		Patchify(col, x, ch, h, w, ph, pw)
		sameBits(t, "Patchify", col, want)
		back, dx := random(2, len(x)), make([]float32, len(x))
		Unpatchify(back, col, ch, h, w, ph, pw)
		Col2Im(dx, by, s, 0)
		sameBits(t, "Unpatchify", back, dx)
	}
}

func TestConvShapeValidate(t *testing.T) {
	good := ConvShape{C: 4, H: 5, W: 5, Oc: 2, Kh: 3, Kw: 3, Sh: 2, Sw: 2, Dh: 1, Dw: 1, Groups: 2, Oh: 2, Ow: 2}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for i, change := range []func(s *ConvShape){
		func(s *ConvShape) { s.C = 3 }, func(s *ConvShape) { s.Oc = 3 }, func(s *ConvShape) { s.Groups = 0 }, func(s *ConvShape) { s.Sh = 0 },
		func(s *ConvShape) { s.Pt = -1 }, func(s *ConvShape) { s.Oh = 3 }, func(s *ConvShape) { s.Kw = 6; s.Ow = 1 }, func(s *ConvShape) { s.H = 0 },
	} {
		s := good
		if change(&s); s.Validate() == nil {
			t.Errorf("change %d was accepted: %+v", i, s)
		}
	}
}
