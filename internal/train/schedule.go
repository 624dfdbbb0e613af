package train

import "math"

// Schedule is a learning rate that rises linearly over Warmup steps and then falls to Floor·Peak along
// half a cosine at step Total (Loshchilov and Hutter, arXiv 1608.03983, without restarts).
type Schedule struct {
	Peak   float64
	Warmup int
	Total  int
	Floor  float64 // share of the peak at the end, in [0,1]
}

// At is the learning rate of a step, counted from 0.
func (s Schedule) At(step int) float64 {
	if step < s.Warmup {
		return s.Peak * float64(step+1) / float64(s.Warmup)
	}
	if step >= s.Total {
		return s.Peak * s.Floor
	}
	done := float64(step-s.Warmup) / float64(max(s.Total-s.Warmup, 1))
	return s.Peak * (s.Floor + (1-s.Floor)*(1+math.Cos(math.Pi*done))/2)
}
