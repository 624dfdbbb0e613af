package attack

import (
	"math"
	"math/rand/v2"
	"sort"
)

// l0Ball is the set of images that differ in at most k pixels.
type l0Ball struct {
	clean []float32
	mask  *Mask
	hw, k int
	gain  []float64 // per pixel: squared distance saved by keeping its change
	order []int
}

// newL0Ball reads ε as a number of pixels, or below 1 as a share of them.
func newL0Ball(clean []float32, eps Ratio, m *Mask) *l0Ball {
	hw := len(clean) / 3
	k := eps.num / eps.den
	if eps.num < eps.den {
		k = int64(float64(hw) * eps.Float())
	}
	b := &l0Ball{clean, m, hw, int(min(k, int64(hw))), make([]float64, hw), make([]int, hw)}
	return b
}

func (b *l0Ball) Restrict(g []float32) { restrict(g, b.mask) }

// Size returns the number of pixels changed.
func (b *l0Ball) Size(x []float32) float64 {
	n := 0.0
	for p := range b.hw {
		if b.changed(x, p) {
			n++
		}
	}
	return n
}

func (b *l0Ball) changed(x []float32, p int) bool {
	return x[p] != b.clean[p] || x[b.hw+p] != b.clean[b.hw+p] || x[2*b.hw+p] != b.clean[2*b.hw+p]
}

func (b *l0Ball) Contains(x []float32) bool {
	return len(x) == len(b.clean) && allowed(x, b.clean, b.mask) && b.Size(x) <= float64(b.k)
}

// Project keeps the k pixels whose change, clipped to [0,1], saves the most distance.
func (b *l0Ball) Project(x []float32) {
	if b.Contains(x) {
		return
	}
	clipInto(x, b.clean, b.mask, b.gain)
	for p := range b.order {
		b.order[p] = p
	}
	sort.SliceStable(b.order, func(i, j int) bool { return b.gain[b.order[i]] > b.gain[b.order[j]] })
	for _, p := range b.order[b.k:] {
		for c := range 3 {
			x[c*b.hw+p] = b.clean[c*b.hw+p]
		}
	}
}

// clipInto clips x to [0,1] and the mask and, per pixel, sets gain to how much farther from the wanted x
// the clean pixel is than the clipped one, squared.
func clipInto(x, clean []float32, m *Mask, gain []float64) {
	hw := len(clean) / 3
	for p := range gain {
		gain[p] = 0
	}
	for i, v := range x {
		y := clean[i]
		if m.allows(i) && v == v {
			y = min(max(v, 0), 1)
			d, rest := float64(v)-float64(clean[i]), float64(v)-float64(y)
			if !math.IsInf(d, 0) {
				gain[i%hw] += d*d - rest*rest
			}
		}
		x[i] = y
	}
}

// Sample gives k random pixels random colours.
func (b *l0Ball) Sample(x []float32, rng *rand.Rand) {
	copy(x, b.clean)
	free := b.order[:0]
	for p := range b.hw {
		if b.mask.allows(p) {
			free = append(free, p)
		}
	}
	rng.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
	for _, p := range free[:min(b.k, len(free))] {
		for c := range 3 {
			x[c*b.hw+p] = rng.Float32()
		}
	}
	b.order = b.order[:b.hw]
}
