package attack

import (
	"fmt"
	"math"
	"math/rand/v2"
)

var _ = transforms.add("ti", "Gaussian smoothing of the gradient (TI-FGSM, arXiv 1904.02884)", func(a *Args) Transform {
	return Translate{a.Int("kernel", 15, 1)}
})

// Translate averages gradients over small translations by smoothing them with a Kernel×Kernel Gaussian
// of three standard deviations to the edge (Dong et al., arXiv 1904.02884, eq. 8). The image itself is
// left alone: this is the paper's approximation, not the adjoint of a transform.
type Translate struct{ Kernel int }

func (t Translate) String() string { return fmt.Sprintf("ti(kernel=%d)", t.Kernel) }

// New implements Transform.
func (t Translate) New(h, w int, _ *Task) Warp {
	s := &translate{h: h, w: w, weight: make([]float64, t.Kernel), tmp: make([]float32, 3*h*w)}
	sum := 0.0
	for i := range s.weight {
		at := 0.0
		if t.Kernel > 1 {
			at = 6*float64(i)/float64(t.Kernel-1) - 3
		}
		s.weight[i] = math.Exp(-at * at / 2)
		sum += s.weight[i]
	}
	for i := range s.weight {
		s.weight[i] /= sum
	}
	return s
}

type translate struct {
	h, w   int
	weight []float64
	tmp    []float32
}

func (s *translate) Draw(*rand.Rand, int) (h, w int) { return s.h, s.w }
func (s *translate) Forward(dst, src []float32)      { copy(dst, src) }

// Adjoint smooths along rows, then along columns, with zeros outside.
func (s *translate) Adjoint(dst, g []float32) {
	s.smooth(s.tmp, g, s.w, 1)
	s.smooth(dst, s.tmp, s.h, s.w)
}

// smooth convolves along the axis of n values that lie step apart.
func (s *translate) smooth(dst, src []float32, n, step int) {
	half := len(s.weight) / 2
	for i := range dst {
		at, sum := i/step%n, 0.0
		for k, w := range s.weight {
			if j := at + k - half; j >= 0 && j < n {
				sum += float64(w * float64(src[i+(j-at)*step]))
			}
		}
		dst[i] = float32(sum)
	}
}
