package train

import "math/rand/v2"

// Order visits n samples in a new random order every epoch, keyed by the seed alone: a run that is taken
// up again sees what it would have seen.
type Order struct {
	Seed  uint64
	N     int
	epoch int
	perm  []int
}

// Batch returns the indices of the size samples of batch number k, counted from 0 over all epochs.
// Batches run on over the end of an epoch.
func (o *Order) Batch(k, size int) []int {
	out := make([]int, size)
	for i := range out {
		at := k*size + i
		if e := at / o.N; o.perm == nil || e != o.epoch {
			o.epoch, o.perm = e, rand.New(rand.NewPCG(o.Seed, uint64(e)^0x6f72646572)).Perm(o.N)
		}
		out[i] = o.perm[at%o.N]
	}
	return out
}
