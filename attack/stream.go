package attack

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// stream returns the random numbers of one attack on one image: a PCG keyed by the seed, the image's
// size and content, the attack's name and the restart.
func stream(seed uint64, x []float32, h, w int, name string, restart int) *rand.Rand {
	sum := sha256.New()
	var buf [4096]byte
	head := binary.LittleEndian.AppendUint64(buf[:0], seed)
	for _, v := range []int{h, w, restart, len(name)} {
		head = binary.LittleEndian.AppendUint64(head, uint64(v))
	}
	sum.Write(append(head, name...))
	for len(x) > 0 {
		n := min(len(x), len(buf)/4)
		for i, v := range x[:n] {
			binary.LittleEndian.PutUint32(buf[4*i:], math.Float32bits(v))
		}
		sum.Write(buf[:4*n])
		x = x[n:]
	}
	key := sum.Sum(nil)
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(key), binary.LittleEndian.Uint64(key[8:])))
}

// uniform draws from [−1, 1).
func uniform(rng *rand.Rand) float64 { return 2*rng.Float64() - 1 }
