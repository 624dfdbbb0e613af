package attack

import (
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// steepest moves along the direction of a norm's unit ball that a gradient gains most from.
type steepest struct {
	norm  Norm
	sizes []float64 // scratch for L1
}

func newSteepest(tm ThreatModel, n int) steepest {
	s := steepest{norm: tm.Norm}
	if s.norm == NormL1 {
		s.sizes = make([]float64, n)
	}
	return s
}

// sparsity is the share of values an L1 step moves: the largest 1 %, as in SLIDE (Tramèr & Boneh, arXiv
// 1904.13000). The single largest, which is steepest, would soon stand at the edge of [0,1].
const sparsity = 0.01

// move adds alpha times the steepest direction for g to x: the sign for L∞ and patches, g/|g| for L2,
// alpha shared by the largest entries for L1, and g scaled to a largest entry of 1 for L0, whose
// projection picks pixels by size. A zero gradient moves nothing.
func (s steepest) move(x, g []float32, alpha float64) {
	switch s.norm {
	case NormL2:
		moveAlong(x, g, alpha, norm2(g))
	case NormL0:
		moveAlong(x, g, alpha, maxAbs(g))
	case NormL1:
		s.moveLargest(x, g, alpha)
	default:
		moveSign(x, g, alpha)
	}
}

// moveSign adds alpha times the sign of g.
func moveSign(x, g []float32, alpha float64) { kernel.AddSigned(x[:len(g)], g, float32(alpha)) }

// signed is a with v's sign, 0 where v is 0. Signs of a gradient are coin tosses, which a branch on them would guess
// wrong every other time: the sign bit is carried over instead.
func signed(a, v float32) float32 {
	const sign = 1 << 31
	s := math.Float32frombits(math.Float32bits(a) ^ math.Float32bits(v)&sign)
	if v == 0 {
		s = 0
	}
	return s
}

// moveAlong adds alpha·g/n.
func moveAlong(x, g []float32, alpha, n float64) {
	if n == 0 {
		return
	}
	for i, v := range g {
		x[i] = float32(float64(x[i]) + float64(alpha/n*float64(v)))
	}
}

// moveLargest shares alpha equally among the values with the largest gradients that can still move.
func (s steepest) moveLargest(x, g []float32, alpha float64) {
	for i, v := range g {
		s.sizes[i] = absf(v)
		if v > 0 && x[i] >= 1 || v < 0 && x[i] <= 0 {
			s.sizes[i] = 0
		}
	}
	k := max(int(sparsity*float64(len(g))), 1)
	sorted := slices.Clone(s.sizes)
	slices.Sort(sorted)
	threshold := max(sorted[len(sorted)-k], math.SmallestNonzeroFloat64)
	n := 0
	for _, v := range s.sizes {
		if v >= threshold {
			n++
		}
	}
	for i, v := range s.sizes {
		if v >= threshold {
			x[i] = float32(float64(x[i]) + math.Copysign(alpha/float64(n), float64(g[i])))
		}
	}
}

func maxAbs(g []float32) float64 {
	m := 0.0
	for _, v := range g {
		m = max(m, absf(v))
	}
	return m
}

func norm2(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(float64(v) * float64(v))
	}
	return math.Sqrt(sum)
}

func absf(v float32) float64 { return math.Abs(float64(v)) }
