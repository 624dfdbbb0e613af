package defense

import (
	"math"
	"math/rand/v2"
)

// Stream names the random choices of a defence. A judge and an attacker who must not know the judge's choices use
// different seeds. Draw numbers independent repetitions.
type Stream struct {
	Seed uint64
	Draw uint64
}

// Rand returns the generator for one purpose, such as a defence's expression, on one picture.
func (s Stream) Rand(purpose string, p Picture) *rand.Rand {
	h := mix(s.Seed, s.Draw)
	for _, b := range []byte(purpose) {
		h = mix(h, uint64(b))
	}
	return rand.New(rand.NewPCG(h, p.key()))
}

// key hashes the size and content of a picture.
func (p Picture) key() uint64 {
	h := mix(uint64(p.H), uint64(p.W))
	for _, v := range p.Pix {
		h = (h ^ uint64(math.Float32bits(v))) * 0x100000001b3
		h ^= h >> 32
	}
	return mix(h, uint64(len(p.Pix)))
}

// mix is the finaliser of SplitMix64 on a sum of two words.
func mix(a, b uint64) uint64 {
	z := a*0x9e3779b97f4a7c15 + b + 0x632be59bd9b4e019
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
