package attack

import "math"

// steepest moves along the direction of a norm's unit ball that a gradient gains most from.
type steepest struct {
	norm Norm
}

func newSteepest(tm ThreatModel, _ int) steepest { return steepest{tm.Norm} }

// move adds alpha times the steepest direction for g to x. A zero gradient moves nothing.
func (s steepest) move(x, g []float32, alpha float64) {
	switch s.norm {
	case NormL2:
		moveL2(x, g, alpha)
	default:
		moveSign(x, g, alpha)
	}
}

func moveSign(x, g []float32, alpha float64) {
	a := float32(alpha)
	for i, v := range g {
		switch {
		case v > 0:
			x[i] += a
		case v < 0:
			x[i] -= a
		}
	}
}

func moveL2(x, g []float32, alpha float64) {
	n := norm2(g)
	if n == 0 {
		return
	}
	for i, v := range g {
		x[i] = float32(float64(x[i]) + float64(alpha/n*float64(v)))
	}
}

func norm2(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(float64(v) * float64(v))
	}
	return math.Sqrt(sum)
}

func absf(v float32) float64 { return math.Abs(float64(v)) }
