package detect

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/internal/expr"
	"github.com/plumbline-ml/plumbline/encoder"
)

// TokenConsistency shifts the picture by a few source pixels, edges repeated, and also cuts as many off every side, and
// scores 1 − cosine between each patch token and the token at the same place before, averaged over patches, over shifts of
// ±pixels along both axes and the crop. A perturbation is tuned to the patch grid; a picture's content hardly moves in it.
// The crop is left out where it would leave nothing.
func TokenConsistency(ctx context.Context, e encoder.Encoder, tap encoder.Tap, pixels int) (*Detector, error) {
	if pixels < 1 || pixels > 64 {
		return nil, fmt.Errorf("detect: token consistency: shift of %d pixels, want 1…64", pixels)
	}
	grey := defense.NewPicture(e.Spec().ImageSize[0], e.Spec().ImageSize[1]).Tensor()
	if err := checkTokens(ctx, e, grey, tap); err != nil {
		return nil, fmt.Errorf("detect: token consistency: %w", err)
	}
	d := &Detector{name: expr.Print("token-consistency", pixels, tap), terms: []term{{e, []encoder.Tap{tap}}}}
	for _, p := range []defense.Purifier{shift{0, pixels}, shift{0, -pixels}, shift{pixels, 0}, shift{-pixels, 0}, trim{pixels}} {
		w, err := defense.Purify(p).Wrap(e, defense.Stream{})
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

func (s shift) Purify(src defense.Picture, _ *rand.Rand) ([]defense.View, error) {
	return gather(src, src.H, src.W, func(y, x int) (int, int) {
		return min(max(y-s.dy, 0), src.H-1), min(max(x-s.dx, 0), src.W-1)
	}), nil
}

// trim cuts n pixels off every side.
type trim struct{ n int }

func (t trim) String() string       { return fmt.Sprintf("trim(%d)", t.n) }
func (trim) Traits() defense.Traits { return defense.Traits{Name: "trim", Surrogate: defense.Exact} }
func (trim) Validate() error        { return nil }

func (t trim) Purify(src defense.Picture, _ *rand.Rand) ([]defense.View, error) {
	n := t.n
	if min(src.H, src.W) <= 2*n {
		n = 0
	}
	return gather(src, src.H-2*n, src.W-2*n, func(y, x int) (int, int) { return y + n, x + n }), nil
}

// gather makes an h×w picture whose pixel (y, x) is src's at from(y, x).
func gather(src defense.Picture, h, w int, from func(y, x int) (int, int)) []defense.View {
	out := defense.NewPicture(h, w)
	index := make([]int, len(out.Pix))
	for i := range index {
		y, x := from(i/w%h, i%w)
		index[i] = (i/(h*w)*src.H+y)*src.W + x
		out.Pix[i] = src.Pix[index[i]]
	}
	return []defense.View{{Picture: out, Pull: func(dsrc, dout []float32) {
		for i, g := range dout {
			dsrc[index[i]] += g
		}
	}}}
}
