package attack

import "math"

// project2 is the Euclidean projection onto {‖z−x‖₂ ≤ ε} ∩ [0,1]ⁿ. Its solution moves every value by
// min(t·|d|, room) for one t: the values that hit the edge of [0,1] grow in number with t, so solving
// for t with those found so far, until none is added, ends at the exact t.
func (b *sumBall) project2(x []float32) {
	limit := b.f * b.f * shy
	t := 1.0
	if b.moved2(t) > limit {
		t = 0
		for {
			next := b.solve2(t, limit)
			if !(next > t) {
				break
			}
			t = next
		}
	}
	for i := range x {
		x[i] = b.clean[i]
		if b.d[i] != 0 {
			b.set(x, i, t*math.Abs(b.d[i]))
		}
	}
}

// moved2 returns Σ min(t·|d|, room)².
func (b *sumBall) moved2(t float64) float64 {
	s := 0.0
	for i, d := range b.d {
		m := min(t*math.Abs(d), b.room(i))
		s += m * m
	}
	return s
}

// solve2 returns the t at which the squared moves add up to limit, if the values at the edge of [0,1]
// are those that are there at t.
func (b *sumBall) solve2(t, limit float64) float64 {
	edge, free := 0.0, 0.0
	for i, d := range b.d {
		if r := b.room(i); t*math.Abs(d) >= r && d != 0 {
			edge += r * r
		} else {
			free += d * d
		}
	}
	if free == 0 || edge >= limit {
		return t
	}
	return math.Sqrt((limit - edge) / free)
}
