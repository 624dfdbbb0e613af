package attack

import (
	"fmt"
	"math/rand/v2"
)

var (
	_ = transforms.add("si", "copies of halved brightness; use with copies=5 (SI-FGSM, arXiv 1908.06281)", func(*Args) Transform { return Scales{} })
	_ = transforms.add("admix", "a share of another image added, at halved brightnesses; use with copies=15 (arXiv 2102.00436)", func(a *Args) Transform {
		return Admix{a.Float("share", 0.2, 0, 1), a.Int("scales", 5, 1)}
	})
)

// Scales makes copy i of a gradient see x/2^i (Lin et al., arXiv 1908.06281, eq. 7).
type Scales struct{}

func (Scales) String() string { return "si()" }

// New implements Transform.
func (Scales) New(h, w int, _ *Task) Warp { return &scales{h: h, w: w} }

type scales struct {
	h, w  int
	scale float32
}

func (s *scales) Draw(_ *rand.Rand, copy int) (h, w int) {
	s.scale = 1 / float32(uint64(1)<<min(copy, 30))
	return s.h, s.w
}

func (s *scales) Forward(dst, src []float32) {
	for i, v := range src {
		dst[i] = s.scale * v
	}
}

func (s *scales) Adjoint(dst, g []float32) { s.Forward(dst, g) }

// Admix adds Share times another image to the image before halving its brightness copy mod Scales times
// (Wang et al., arXiv 2102.00436, alg. 1). The others are the task's Mix, resized; without any, the
// image's own mirror images take their place.
type Admix struct {
	Share  float64
	Scales int
}

func (t Admix) String() string {
	return fmt.Sprintf("admix(share=%s,scales=%d)", num(t.Share), t.Scales)
}

// New implements Transform.
func (t Admix) New(h, w int, task *Task) Warp {
	s := &admix{Admix: t, scales: scales{h: h, w: w}}
	if task == nil {
		return s
	}
	for _, m := range task.Mix {
		x, mh, mw, err := pixels(m)
		if err != nil {
			continue // Task.validate reports it
		}
		r := resampler{kernel: tent}
		r.set(mh, mw, h, w)
		y := make([]float32, 3*h*w)
		r.forward(y, x)
		s.others = append(s.others, y)
	}
	return s
}

type admix struct {
	Admix
	scales
	others [][]float32
	pick   int
}

func (s *admix) Draw(rng *rand.Rand, copy int) (h, w int) {
	if n := len(s.others); n > 0 {
		s.pick = rng.IntN(n)
	} else {
		s.pick = 1 + rng.IntN(3)
	}
	return s.scales.Draw(rng, copy%max(s.Admix.Scales, 1))
}

func (s *admix) Forward(dst, src []float32) {
	share := float32(s.Share)
	for i, v := range src {
		var other float32
		if len(s.others) > 0 {
			other = s.others[s.pick][i]
		} else {
			other = src[s.mirror(i)]
		}
		dst[i] = s.scale * (v + share*other)
	}
}

// mirror returns value i's place in the image flipped along the axes of pick (bit 0 columns, bit 1 rows).
func (s *admix) mirror(i int) int {
	c, y, x := i/(s.h*s.w), i/s.w%s.h, i%s.w
	if s.pick&1 != 0 {
		x = s.w - 1 - x
	}
	if s.pick&2 != 0 {
		y = s.h - 1 - y
	}
	return (c*s.h+y)*s.w + x
}

// Adjoint treats the other image as given, also where it is a mirror image, as the paper's gradient does.
func (s *admix) Adjoint(dst, g []float32) { s.scales.Adjoint(dst, g) }
