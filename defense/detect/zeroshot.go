package detect

import (
	"fmt"
	"math"
)

// zeroShot gives class probabilities softmax(100·cos(z, text)).
type zeroShot struct{ text [][]float32 }

const logitScale = 100 // CLIP's

func newZeroShot(text [][]float32, width int) (*zeroShot, error) {
	if len(text) < 2 {
		return nil, fmt.Errorf("%d class texts, want two or more", len(text))
	}
	for k, t := range text {
		if len(t) != width {
			return nil, fmt.Errorf("the text of class %d has %d values, the embedding %d", k, len(t), width)
		}
	}
	return &zeroShot{text}, nil
}

func (s *zeroShot) probabilities(z []float32) []float64 {
	p := make([]float64, len(s.text))
	top := math.Inf(-1)
	for k, t := range s.text {
		c, _, _ := cosine(z, t, false)
		p[k] = logitScale * c
		top = max(top, p[k])
	}
	sum := 0.0
	for k := range p {
		p[k] = math.Exp(p[k] - top)
		sum += p[k]
	}
	for k := range p {
		p[k] /= sum
	}
	return p
}

// distance is the L1 distance of the class probabilities.
func (s *zeroShot) distance(a, b []float32, want bool) (d float64, da, db []float64) {
	p, q := s.probabilities(a), s.probabilities(b)
	sign := make([]float64, len(p))
	for k := range p {
		d += math.Abs(p[k] - q[k])
		if p[k] != q[k] {
			sign[k] = math.Copysign(1, p[k]-q[k])
		}
	}
	if want {
		da, db = s.back(a, p, sign, 1), s.back(b, q, sign, -1)
	}
	return d, da, db
}

// back returns the gradient at z of f·⟨g, probabilities⟩.
func (s *zeroShot) back(z []float32, p, g []float64, f float64) []float64 {
	mean := 0.0
	for k := range p {
		mean += p[k] * g[k]
	}
	out := make([]float64, len(z))
	for k, t := range s.text {
		_, dz, _ := cosine(z, t, true)
		addScaled(out, f*logitScale*p[k]*(g[k]-mean), dz)
	}
	return out
}
