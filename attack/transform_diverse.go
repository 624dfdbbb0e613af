package attack

import (
	"fmt"
	"math/rand/v2"
)

var _ = transforms.add("di", "random enlarging and zero padding, then back to size (DI-FGSM, arXiv 1803.06978)", func(a *Args) Transform {
	return Diverse{a.Float("rate", 1.1, 1, 4), a.Float("p", 0.5, 0, 1)}
})

// Diverse is input diversity (Xie et al., arXiv 1803.06978): with probability P the image is resized
// bilinearly to a random size between its own and Rate times that, padded with zeros at a random place to
// Rate times its size, and resized back.
type Diverse struct{ Rate, P float64 }

func (t Diverse) String() string { return fmt.Sprintf("di(rate=%s,p=%s)", num(t.Rate), num(t.P)) }

// New implements Transform.
func (t Diverse) New(h, w int, _ *Task) Warp {
	s := &diverse{Diverse: t, h: h, w: w, bh: int(t.Rate * float64(h)), bw: int(t.Rate * float64(w))}
	s.in.kernel, s.out.kernel = tent, tent
	s.small, s.big = make([]float32, 3*s.bh*s.bw), make([]float32, 3*s.bh*s.bw)
	return s
}

type diverse struct {
	Diverse
	h, w, bh, bw int // the image and the padded size
	active       bool
	in, out      resampler
	y, x         int // place of the resized image
	small, big   []float32
}

func (s *diverse) Draw(rng *rand.Rand, _ int) (h, w int) {
	s.active = rng.Float64() < s.P
	f := rng.Float64()
	s.in.set(s.h, s.w, s.h+int(f*float64(s.bh-s.h+1)), s.w+int(f*float64(s.bw-s.w+1)))
	s.out.set(s.bh, s.bw, s.h, s.w)
	s.y, s.x = rng.IntN(s.bh-s.in.oh+1), rng.IntN(s.bw-s.in.ow+1)
	return s.h, s.w
}

func (s *diverse) Forward(dst, src []float32) {
	if !s.active {
		copy(dst, src)
		return
	}
	s.in.forward(s.small, src)
	zero(s.big)
	s.place(func(small, big []float32) { copy(big, small) })
	s.out.forward(dst, s.big)
}

func (s *diverse) Adjoint(dst, g []float32) {
	if !s.active {
		copy(dst, g)
		return
	}
	s.out.adjoint(s.big, g)
	s.place(func(small, big []float32) { copy(small, big) })
	s.in.adjoint(dst, s.small)
}

// place calls f with every row of the resized image and where it lies in the padded one.
func (s *diverse) place(f func(small, big []float32)) {
	for c := range 3 {
		for y := range s.in.oh {
			f(s.small[(c*s.in.oh+y)*s.in.ow:][:s.in.ow], s.big[(c*s.bh+s.y+y)*s.bw+s.x:][:s.in.ow])
		}
	}
}
