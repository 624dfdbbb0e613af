package train

import "math/rand/v2"

// Augment changes planar images a little and at random.
type Augment struct {
	Flip  bool `json:"flip,omitempty"`  // mirror left and right, every other time
	Shift int  `json:"shift,omitempty"` // move by up to this many pixels, the edge repeated
}

// Apply returns x (channels of h rows of w pixels), or a changed copy.
func (a Augment) Apply(x []float32, h, w int, rng *rand.Rand) []float32 {
	flip := a.Flip && rng.Uint64()&1 == 1
	var dy, dx int
	if a.Shift > 0 {
		dy, dx = rng.IntN(2*a.Shift+1)-a.Shift, rng.IntN(2*a.Shift+1)-a.Shift
	}
	if !flip && dy == 0 && dx == 0 {
		return x
	}
	out := make([]float32, len(x))
	for row := range len(x) / w {
		c, i := row/h, row%h
		from := x[(c*h+min(max(i+dy, 0), h-1))*w:][:w]
		to := out[row*w:][:w]
		for j := range to {
			k := min(max(j+dx, 0), w-1)
			if flip {
				k = w - 1 - k
			}
			to[j] = from[k]
		}
	}
	return out
}
