package attack

import (
	"fmt"
	"math"
	"math/rand/v2"
)

var _ = transforms.add("crop", "random resized crop (M-Attack, arXiv 2503.10635)", func(a *Args) Transform {
	return Crop{a.Float("lo", 0.5, 0.01, 1), a.Float("hi", 0.9, 0.01, 1)}
})

// Crop cuts out a rectangle of U(Lo, Hi) times the area and log-uniform aspect ratio in [3/4, 4/3], and
// enlarges it bilinearly to the image's size.
type Crop struct{ Lo, Hi float64 }

func (t Crop) String() string { return fmt.Sprintf("crop(lo=%s,hi=%s)", num(t.Lo), num(t.Hi)) }

// New implements Transform.
func (t Crop) New(h, w int, _ *Task) Warp {
	return &cropWarp{Crop: t, h: h, w: w, r: resampler{kernel: tent}, part: make([]float32, 3*h*w)}
}

type cropWarp struct {
	Crop
	h, w, y, x int
	r          resampler
	part       []float32
}

func (s *cropWarp) Draw(rng *rand.Rand, _ int) (h, w int) {
	area := (s.Lo + (s.Hi-s.Lo)*rng.Float64()) * float64(s.h*s.w)
	aspect := math.Exp(math.Log(4.0/3) * uniform(rng))
	ch := min(max(int(math.Round(math.Sqrt(area/aspect))), 1), s.h)
	cw := min(max(int(math.Round(math.Sqrt(area*aspect))), 1), s.w)
	s.y, s.x = rng.IntN(s.h-ch+1), rng.IntN(s.w-cw+1)
	s.r.set(ch, cw, s.h, s.w)
	return s.h, s.w
}

func (s *cropWarp) Forward(dst, src []float32) {
	s.rows(func(part, at int) { copy(s.part[part:][:s.r.w], src[at:]) })
	s.r.forward(dst, s.part)
}

func (s *cropWarp) Adjoint(dst, g []float32) {
	s.r.adjoint(s.part, g)
	zero(dst)
	s.rows(func(part, at int) { copy(dst[at:][:s.r.w], s.part[part:]) })
}

// rows calls f with where every row of the crop begins in the crop and in the image.
func (s *cropWarp) rows(f func(part, at int)) {
	for c := range 3 {
		for y := range s.r.h {
			f((c*s.r.h+y)*s.r.w, (c*s.h+s.y+y)*s.w+s.x)
		}
	}
}
