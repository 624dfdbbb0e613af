package detect

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/encoder"
)

// TokenConsistency shifts the picture by a few source pixels, edges repeated, and scores 1 − cosine between each patch
// token and the token at the same place before, averaged over patches and over shifts of ±pixels along both axes. A
// perturbation is tuned to the patch grid; a picture's content hardly moves in it.
func TokenConsistency(ctx context.Context, e encoder.Encoder, tap encoder.Tap, pixels int) (*Detector, error) {
	if pixels < 1 || pixels > 64 {
		return nil, fmt.Errorf("detect: token consistency: shift of %d pixels, want 1…64", pixels)
	}
	grey := defense.NewPicture(e.Spec().ImageSize[0], e.Spec().ImageSize[1]).Tensor()
	if err := checkTokens(ctx, e, grey, tap); err != nil {
		return nil, fmt.Errorf("detect: token consistency: %w", err)
	}
	d := &Detector{name: fmt.Sprintf("token-consistency(%s,%d)", tap, pixels), terms: []term{{e, []encoder.Tap{tap}}}}
	for _, s := range [][2]int{{0, pixels}, {0, -pixels}, {pixels, 0}, {-pixels, 0}} {
		w, err := defense.Purify(shift{s[0], s[1]}).Wrap(e, defense.Stream{})
		if err != nil {
			return nil, fmt.Errorf("detect: token consistency: %w", err)
		}
		d.terms = append(d.terms, term{w, []encoder.Tap{tap}})
	}
	prefix := e.Spec().Prefix()
	d.measure = func(x [][]activation, want bool) (float64, [][][]float64) { return inconsistency(x, prefix, want) }
	return d, nil
}

// inconsistency is the mean of 1 − cosine between the patch tokens of term 0 and of the others.
func inconsistency(x [][]activation, prefix int, want bool) (float64, [][][]float64) {
	width := x[0][0].shape[1]
	count := float64((x[0][0].shape[0] - prefix) * (len(x) - 1))
	grad := make([][][]float64, len(x))
	for i := range grad {
		grad[i] = [][]float64{make([]float64, len(x[0][0].v))}
	}
	sum := 0.0
	for i := 1; i < len(x); i++ {
		for at := prefix * width; at < len(x[0][0].v); at += width {
			c, da, db := cosine(x[0][0].v[at:at+width], x[i][0].v[at:at+width], want)
			sum += 1 - c
			if want {
				addScaled(grad[0][0][at:at+width], -1/count, da)
				addScaled(grad[i][0][at:at+width], -1/count, db)
			}
		}
	}
	return sum / count, grad
}

// shift moves a picture down and to the right, edges repeated: a linear map.
type shift struct{ dy, dx int }

func (s shift) String() string       { return fmt.Sprintf("shift(%d,%d)", s.dy, s.dx) }
func (shift) Traits() defense.Traits { return defense.Traits{Name: "shift", Surrogate: defense.Exact} }
func (shift) Validate() error        { return nil }
func (s shift) from(i, n, d int) int { return min(max(i-d, 0), n-1) }

func (s shift) Purify(src defense.Picture, _ *rand.Rand) ([]defense.View, error) {
	out := defense.NewPicture(src.H, src.W)
	index := make([]int, len(out.Pix))
	for i := range index {
		c, y, x := i/(src.H*src.W), i/src.W%src.H, i%src.W
		index[i] = (c*src.H+s.from(y, src.H, s.dy))*src.W + s.from(x, src.W, s.dx)
		out.Pix[i] = src.Pix[index[i]]
	}
	return []defense.View{{Picture: out, Pull: func(dsrc, dout []float32) {
		for i, g := range dout {
			dsrc[index[i]] += g
		}
	}}}, nil
}
