package attack

import "math"

// project1 is the Euclidean projection onto {‖z−x‖₁ ≤ ε} ∩ [0,1]ⁿ: every move is soft-thresholded and
// clipped to the room there is, clamp(|d|−θ, 0, room), with the θ ≥ 0 at which the moves add up to ε
// (the projection onto the simplex of Duchi et al., ICML 2008, with upper bounds). The sum falls with θ;
// bisection finds the values that are free at the solution, and θ follows from them exactly.
func (b *sumBall) project1(x []float32) {
	limit := b.f * shy
	lo, hi := 0.0, 0.0
	for _, d := range b.d {
		hi = max(hi, math.Abs(d))
	}
	if b.moved1(0) <= limit {
		hi = 0
	}
	for range 64 {
		mid := (lo + hi) / 2
		if !(mid > lo && mid < hi) {
			break
		}
		if b.moved1(mid) > limit {
			lo = mid
		} else {
			hi = mid
		}
	}
	theta := hi
	if exact := b.solve1((lo+hi)/2, limit); exact >= lo && exact <= hi {
		theta = exact
	}
	for i := range x {
		x[i] = b.clean[i]
		if m := math.Abs(b.d[i]) - theta; m > 0 {
			b.set(x, i, m)
		}
	}
	b.trim(x)
}

// moved1 returns Σ clamp(|d|−θ, 0, room).
func (b *sumBall) moved1(theta float64) float64 {
	s := 0.0
	for i, d := range b.d {
		if m := math.Abs(d) - theta; m > 0 {
			s += min(m, b.room(i))
		}
	}
	return s
}

// solve1 returns the θ at which the moves add up to limit, if the values that are free are those that
// are free at theta.
func (b *sumBall) solve1(theta, limit float64) float64 {
	sum, free := 0.0, 0
	for i, d := range b.d {
		m := math.Abs(d) - theta
		switch r := b.room(i); {
		case m <= 0:
		case m >= r:
			sum += r
		default:
			sum += math.Abs(d)
			free++
		}
	}
	if free == 0 {
		return theta
	}
	return (sum - limit) / float64(free)
}

// trim takes back the largest move if rounding left the sum above ε.
func (b *sumBall) trim(x []float32) {
	for !b.Contains(x) {
		k := 0
		for i := range x {
			if absf(x[i]-b.clean[i]) > absf(x[k]-b.clean[k]) {
				k = i
			}
		}
		x[k] = math.Nextafter32(x[k], b.clean[k])
	}
}
