package head

import (
	"math"
	"math/rand/v2"
)

// projectedWidth is the width to which vectors are projected at random for the choice of a coreset.
const projectedWidth = 48

// coreset chooses keep of the rows so that every row is near a chosen one: greedily, the next is the row
// farthest from those chosen (Roth et al., arXiv 2106.08265, algorithm 1, with a random linear projection as
// there). The first is drawn from the seed.
func coreset(rows [][]float32, keep int, seed uint64) []int {
	keep = min(keep, len(rows))
	if keep < 1 {
		return nil
	}
	rng := rand.New(rand.NewPCG(seed, 0x636f7265))
	small := project(rows, rng)
	far := make([]float64, len(rows))
	for i := range far {
		far[i] = math.Inf(1)
	}
	next := rng.IntN(len(rows))
	chosen := make([]int, 0, keep)
	for len(chosen) < keep {
		chosen = append(chosen, next)
		best := -1.0
		last := small[next]
		for i, r := range small {
			if d := squared(r, last); d < far[i] {
				far[i] = d
			}
			if far[i] > best {
				best, next = far[i], i
			}
		}
		if best <= 0 { // every row is chosen or equals a chosen one
			break
		}
	}
	return chosen
}

func project(rows [][]float32, rng *rand.Rand) [][]float32 {
	width := len(rows[0])
	if width <= projectedWidth {
		return rows
	}
	m := make([]float32, width*projectedWidth)
	for i := range m {
		m[i] = float32(rng.NormFloat64())
	}
	out := make([][]float32, len(rows))
	for i, r := range rows {
		out[i] = dense{w: m, b: make([]float32, projectedWidth)}.apply(r, projectedWidth)
	}
	return out
}

// squared is the squared distance.
func squared(a, b []float32) float64 {
	var s float64
	for i, x := range a {
		d := float64(x) - float64(b[i])
		s += d * d
	}
	return s
}

// squaredBelow is the squared distance, or anything at or above limit once it is clear that it is not below.
func squaredBelow(a, b []float32, limit float64) float64 {
	var s float64
	for len(a) >= 16 {
		for i, x := range a[:16] {
			d := float64(x) - float64(b[i])
			s += d * d
		}
		if s >= limit {
			return s
		}
		a, b = a[16:], b[16:]
	}
	return s + squared(a, b)
}
