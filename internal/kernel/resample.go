package kernel

// Taps is a linear resampling of one axis: output j is Σ Weight[k]·input[Index[k]] over j·Per ≤ k < (j+1)·Per. Nearest,
// linear and cubic interpolation, with whatever rule for the ends, differ only in these numbers.
type Taps struct {
	Index  []int32
	Weight []float32
	Per    int // terms of one output; unused ones have weight 0 and any valid index
}

// outputs is the length of the resampled axis.
func (t *Taps) outputs() int { return len(t.Index) / t.Per }

// ResampleAxis resamples the middle axis of x, outer × in × inner, into y, outer × len(Index)/Per × inner. Every index
// must lie in 0 ≤ i < in.
func ResampleAxis(y, x []float32, t *Taps, outer, in, inner int) {
	out := t.outputs()
	clear(y[:outer*out*inner])
	t.eachTerm(outer, in, inner, func(to, from int, w float32) {
		if inner == 1 {
			y[to] += w * x[from]
		} else {
			Axpy(y[to:to+inner], w, x[from:from+inner])
		}
	})
}

// ResampleAxisGrad adds to dx the cotangent of ResampleAxis's input.
func ResampleAxisGrad(dx, dy []float32, t *Taps, outer, in, inner int) {
	t.eachTerm(outer, in, inner, func(to, from int, w float32) {
		if inner == 1 {
			dx[from] += w * dy[to]
		} else {
			Axpy(dx[from:from+inner], w, dy[to:to+inner])
		}
	})
}

// eachTerm calls f with the positions of output and input of every term that counts.
func (t *Taps) eachTerm(outer, in, inner int, f func(to, from int, w float32)) {
	out := t.outputs()
	for o := range outer {
		for k, i := range t.Index {
			if w := t.Weight[k]; w != 0 {
				f((o*out+k/t.Per)*inner, (o*in+int(i))*inner, w)
			}
		}
	}
}
