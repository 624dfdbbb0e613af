package main

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// sumOfSquares returns Σa² and its gradient 2a.
func sumOfSquares(act *tensor.Dense) (float64, *tensor.Dense) {
	a := act.Float32s()
	g := make([]float32, len(a))
	var sum float64
	for i, x := range a {
		sum += float64(x) * float64(x)
		g[i] = 2 * x
	}
	return sum, tensor.New(tensor.WithShape(act.Shape()...), tensor.WithBacking(g))
}

// meanCosine returns the mean over images and tokens of cos(a, r) and its gradient. An activation B×E has
// one token per image; B×T×D has T, of which the first few are left out; B×C×H×W has one per place, of
// width C.
func meanCosine(act *tensor.Dense, ref []float32, first int) (float64, *tensor.Dense, error) {
	a, shape := act.Float32s(), act.Shape()
	// Token t of image b starts at b·image + t·step; its elements are stride apart.
	var tokens, width, step, stride, image int
	switch len(shape) {
	case 2:
		tokens, width, stride, image = 1, shape[1], 1, shape[1]
	case 3:
		tokens, width, step, stride, image = shape[1], shape[2], shape[2], 1, shape[1]*shape[2]
	case 4:
		tokens, width, step, stride, image = shape[2]*shape[3], shape[1], 1, shape[2]*shape[3], shape[1]*shape[2]*shape[3]
	default:
		return 0, nil, fmt.Errorf("shape %v has no tokens", []int(shape))
	}
	g := make([]float32, len(a))
	n := float64(shape[0] * (tokens - first))
	var sum float64
	for b := range shape[0] {
		for t := first; t < tokens; t++ {
			cos := cosineAt(a, ref, g, b*image+t*step, width, stride, 1/n)
			if math.IsNaN(cos) {
				return 0, nil, fmt.Errorf("image %d, token %d has no direction (length zero or not finite)", b, t)
			}
			sum += cos
		}
	}
	return sum / n, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(g)), nil
}

// expand brings a reference to the shape of an activation: one image stands for all, and tokens at the
// front, which do not count, may be missing. It returns how many tokens are left out of the cosine: the
// prefix of the encoder's token sequences, and what the reference lacks. The reference of a convolutional
// stage may also be given as tokens, B×(H·W)×C.
func expand(ref []float32, shape, want []int, spec encoder.Spec) (full []float32, first int, err error) {
	mismatch := fmt.Errorf("shape %v does not fit %v", shape, want)
	if len(shape) == 3 && len(want) == 4 && shape[1] == want[2]*want[3] && shape[2] == want[1] {
		ref, shape = channelsFirst(ref, shape), []int{shape[0], want[1], want[2], want[3]}
	}
	if len(shape) != len(want) || shape[0] != want[0] && shape[0] != 1 {
		return nil, 0, mismatch
	}
	missing := 0
	if len(want) == 3 {
		if missing = want[1] - shape[1]; missing < 0 || missing >= want[1] {
			return nil, 0, mismatch
		}
		if first = missing; want[1] == spec.Tokens {
			first = max(missing, spec.Prefix())
		}
	}
	for d := 1; d < len(want); d++ {
		if shape[d] != want[d] && !(d == 1 && missing > 0) {
			return nil, 0, mismatch
		}
	}
	one := len(ref) / shape[0]
	for b := range want[0] {
		if missing > 0 {
			full = append(full, make([]float32, missing*want[2])...)
		}
		from := b % shape[0] * one
		full = append(full, ref[from:from+one]...)
	}
	return full, first, nil
}

// channelsFirst turns B×T×C into B×C×T.
func channelsFirst(x []float32, shape []int) []float32 {
	out := make([]float32, len(x))
	tokens, width := shape[1], shape[2]
	for i, v := range x {
		b, t, c := i/(tokens*width), i/width%tokens, i%width
		out[(b*width+c)*tokens+t] = v
	}
	return out
}

// cosineAt returns the cosine of two tokens and stores scale times its gradient,
// r/(|a||r|) − cos·a/|a|², in g. It returns NaN where a token has no direction.
func cosineAt(a, r, g []float32, at, width, stride int, scale float64) float64 {
	var aa, rr, ar float64
	for k := range width {
		x, y := float64(a[at+k*stride]), float64(r[at+k*stride])
		aa += x * x
		rr += y * y
		ar += x * y
	}
	if !(aa > 0 && rr > 0) || math.IsInf(aa, 0) || math.IsInf(rr, 0) {
		return math.NaN()
	}
	norm := math.Sqrt(aa) * math.Sqrt(rr)
	cos := ar / norm
	for k := range width {
		i := at + k*stride
		g[i] = float32(scale * (float64(r[i])/norm - cos*float64(a[i])/aa))
	}
	return cos
}
