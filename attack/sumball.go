package attack

import (
	"math"
	"math/big"
	"math/rand/v2"
)

// sumBall is the set of images whose changes add up to at most ε in the L1 or L2 norm, inside [0,1] and
// the mask.
type sumBall struct {
	clean []float32
	mask  *Mask
	power int // 1 or 2
	eps   Ratio
	f     float64 // ε
	d     []float64
}

func newSumBall(clean []float32, eps Ratio, m *Mask, power int) *sumBall {
	return &sumBall{clean, m, power, eps, eps.Float(), make([]float64, len(clean))}
}

func (b *sumBall) Restrict(g []float32) { restrict(g, b.mask) }

// restrict zeroes what a mask forbids.
func restrict(g []float32, m *Mask) {
	if m == nil {
		return
	}
	for i := range g {
		if !m.allows(i) {
			g[i] = 0
		}
	}
}

func (b *sumBall) Size(x []float32) float64 {
	sum := b.sum(x)
	if b.power == 2 {
		return math.Sqrt(sum)
	}
	return sum
}

// sum returns Σ|x−clean|^power.
func (b *sumBall) sum(x []float32) float64 {
	s := 0.0
	for i, v := range x {
		d := math.Abs(float64(v) - float64(b.clean[i]))
		if b.power == 2 {
			d *= d
		}
		s += d
	}
	return s
}

func (b *sumBall) Contains(x []float32) bool {
	if len(x) != len(b.clean) || !allowed(x, b.clean, b.mask) {
		return false
	}
	limit, sum := math.Pow(b.f, float64(b.power)), b.sum(x)
	slack := float64(len(x)+8) * 0x1p-51
	switch {
	case sum <= limit*(1-slack):
		return true
	case sum > limit*(1+slack)+float64(len(x))*0x1p-22:
		return false
	}
	return b.exactSum(x) || b.gridSum(x)
}

// allowed reports whether all values are pixels and only values that the mask allows differ.
func allowed(x, clean []float32, m *Mask) bool {
	for i, v := range x {
		if !(v >= 0 && v <= 1) || v != clean[i] && !m.allows(i) {
			return false
		}
	}
	return true
}

// exactSum compares the sum with ε in integer arithmetic: every float32 is a multiple of 2⁻¹⁴⁹.
func (b *sumBall) exactSum(x []float32) bool {
	sum, d := new(big.Int), new(big.Int)
	for i, v := range x {
		if v == b.clean[i] {
			continue
		}
		d.Sub(fixed(v), fixed(b.clean[i])).Abs(d)
		if b.power == 2 {
			d.Mul(d, d)
		}
		sum.Add(sum, d)
	}
	return b.within(sum, new(big.Int).Lsh(big.NewInt(1), 149))
}

// fixed returns v·2¹⁴⁹.
func fixed(v float32) *big.Int {
	bits := math.Float32bits(v)
	m, e := int64(bits&(1<<23-1)), uint(bits>>23&0xff)
	if e > 0 {
		m, e = m|1<<23, e-1
	}
	return new(big.Int).Lsh(big.NewInt(m), e)
}

// gridSum is exactSum for two images of 8-bit levels, whose values stand for k/255 exactly.
func (b *sumBall) gridSum(x []float32) bool {
	sum := new(big.Int)
	for i, v := range x {
		j, ok1 := level(v)
		k, ok2 := level(b.clean[i])
		if !ok1 || !ok2 {
			return false
		}
		d := int64(abs(j - k))
		if b.power == 2 {
			d *= d
		}
		sum.Add(sum, big.NewInt(d))
	}
	return b.within(sum, big.NewInt(255))
}

// within reports whether sum/unit^power ≤ ε^power.
func (b *sumBall) within(sum, unit *big.Int) bool {
	limit := new(big.Int).Mul(big.NewInt(b.eps.num), unit)
	den := big.NewInt(b.eps.den)
	if b.power == 2 {
		limit.Mul(limit, limit)
		den.Mul(den, den)
	}
	return new(big.Int).Mul(sum, den).Cmp(limit) <= 0
}

// prepare sets d to the wanted changes, zero where forbidden, and returns the norm's sum after clipping
// every one to the room there is.
func (b *sumBall) prepare(x []float32) {
	for i, v := range x {
		b.d[i] = 0
		if b.mask.allows(i) && v == v {
			b.d[i] = float64(v) - float64(b.clean[i])
		}
	}
}

// room returns how far value i can move in the direction of d.
func (b *sumBall) room(i int) float64 {
	if b.d[i] > 0 {
		return 1 - float64(b.clean[i])
	}
	return float64(b.clean[i])
}

func (b *sumBall) Project(x []float32) {
	if b.Contains(x) {
		return
	}
	b.prepare(x)
	if b.power == 2 {
		b.project2(x)
	} else {
		b.project1(x)
	}
}

// set moves value i by size (≥ 0) in the direction of d, rounded towards the clean value.
func (b *sumBall) set(x []float32, i int, size float64) {
	c := float64(b.clean[i])
	y := c + math.Copysign(min(size, b.room(i)), b.d[i])
	v := float32(y)
	if math.Abs(float64(v)-c) > size || v < 0 || v > 1 {
		v = math.Nextafter32(v, b.clean[i])
	}
	x[i] = v
}

// shy is the share of ε that projections aim at: float64 rounding of the norm's sum stays below the rest.
const shy = 1 - 1e-11

// Sample draws a random direction and a radius that fills the ball evenly, then clips to [0,1]. For
// L2 this is the uniform distribution in the ball, for L1 that of a symmetric exponential direction.
func (b *sumBall) Sample(x []float32, rng *rand.Rand) {
	free, sum := 0, 0.0
	for i := range x {
		b.d[i] = 0
		if !b.mask.allows(i) {
			continue
		}
		free++
		if b.power == 2 {
			b.d[i] = rng.NormFloat64()
			sum += b.d[i] * b.d[i]
		} else {
			b.d[i] = rng.ExpFloat64()
			sum += b.d[i]
			b.d[i] *= float64(1 - 2*int(rng.Uint64()>>63))
		}
	}
	norm := math.Pow(sum, 1/float64(b.power))
	radius := b.f * shy * math.Pow(rng.Float64(), 1/float64(max(free, 1)))
	for i := range x {
		x[i] = b.clean[i]
		if norm > 0 && b.d[i] != 0 {
			b.set(x, i, math.Abs(b.d[i])*radius/norm)
		}
	}
}
