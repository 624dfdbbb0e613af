package attack

import (
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// linfBall is the box of all images within ε of the clean one, as float32 bounds rounded inwards: every
// float32 between lo and hi is within ε in exact arithmetic, and no float32 outside is.
type linfBall struct {
	clean, lo, hi []float32
	eps           bound
	fixed         bool // some value may not change at all
}

func newLinfBall(clean []float32, eps Ratio, m *Mask) *linfBall {
	b := &linfBall{clean: clean, lo: make([]float32, len(clean)), hi: make([]float32, len(clean)), eps: newBound(eps)}
	for i, x := range clean {
		b.lo[i], b.hi[i] = x, x
		if m.allows(i) {
			b.lo[i], b.hi[i] = b.eps.reach(x, -1), b.eps.reach(x, 1)
		}
		b.fixed = b.fixed || b.lo[i] == b.hi[i]
	}
	return b
}

// reach returns the float32 farthest from x in direction dir (±1) within ε of x and inside [0,1].
func (e bound) reach(x, dir float32) float32 {
	inf := dir * float32(math.Inf(1))
	y := float32(float64(x) + float64(dir)*e.f)
	for !e.covers(x, y) {
		y = math.Nextafter32(y, -inf)
	}
	for next := math.Nextafter32(y, inf); e.covers(x, next); next = math.Nextafter32(y, inf) {
		y = next
	}
	return min(max(y, 0), 1)
}

func (b *linfBall) Project(x []float32) { kernel.Clamp(x, b.lo, b.hi) }

func (b *linfBall) Contains(x []float32) bool {
	if len(x) != len(b.clean) {
		return false
	}
	if kernel.Inside(x, b.lo, b.hi) {
		return true
	}
	for i, v := range x {
		if !(v >= b.lo[i] && v <= b.hi[i]) && !b.onGrid(i, v) {
			return false
		}
	}
	return true
}

// onGrid reports whether value i and its clean value are both the float32 nearest to a whole 8-bit
// level and the levels are within ε: then v stands for k/255 itself, though the float32 that holds it
// may be an ulp beyond the float32 bound.
func (b *linfBall) onGrid(i int, v float32) bool {
	k, ok1 := level(b.clean[i])
	j, ok2 := level(v)
	return ok1 && ok2 && b.lo[i] != b.hi[i] && abs(j-k) <= b.eps.ratio.Levels()
}

func (b *linfBall) Restrict(g []float32) {
	if !b.fixed {
		return
	}
	for i := range g {
		if b.lo[i] == b.hi[i] {
			g[i] = 0
		}
	}
}

func (b *linfBall) Size(x []float32) float64 {
	d := 0.0
	for i, v := range x {
		d = max(d, math.Abs(float64(v)-float64(b.clean[i])))
	}
	return d
}

// level returns k if v is the float32 nearest to k/255.
func level(v float32) (k int, ok bool) {
	if !(v >= 0 && v <= 1) {
		return 0, false
	}
	k = int(math.RoundToEven(float64(v) * 255))
	return k, fromLevel(k) == v
}

// fromLevel returns the float32 nearest to k/255.
func fromLevel(k int) float32 { return float32(float64(k) / 255) }

func abs(k int) int {
	if k < 0 {
		return -k
	}
	return k
}

// Sample draws every value uniformly from [x−ε, x+ε], then clips to [0,1].
func (b *linfBall) Sample(x []float32, rng *rand.Rand) {
	for i, v := range b.clean {
		x[i] = float32(float64(v) + float64(b.eps.f*uniform(rng)))
	}
	b.Project(x)
}
