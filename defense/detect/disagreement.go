package detect

import (
	"context"
	"fmt"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// Disagreement asks two encoders which clean pictures a picture resembles: with s_A and s_B the cosines of its embedding
// with those of the anchors, under either encoder, the score is 1 − their Pearson correlation, 0…2. Embeddings of different
// encoders cannot be compared, their similarities can (relative representations: Moschella et al., arXiv 2209.15430). A
// perturbation made on one encoder moves s_A and leaves s_B.
func Disagreement(ctx context.Context, a, b encoder.Encoder, anchors []*tensor.Dense) (*Detector, error) {
	if len(anchors) < 3 {
		return nil, fmt.Errorf("detect: disagreement: %d anchors, want three or more", len(anchors))
	}
	taps := []encoder.Tap{encoder.Embedding}
	var refs [2][][]float32
	for i, e := range []encoder.Encoder{a, b} {
		acts, err := collect(ctx, e, anchors, taps...)
		if err != nil {
			return nil, fmt.Errorf("detect: disagreement: %s: %w", e.Spec().Name, err)
		}
		for _, x := range acts {
			refs[i] = append(refs[i], x[0].v)
		}
	}
	return &Detector{
		name:  "disagreement",
		terms: []term{{a, taps}, {b, taps}},
		measure: func(x [][]activation, want bool) (float64, [][][]float64) {
			sa, da := similarities(x[0][0].v, refs[0], want)
			sb, db := similarities(x[1][0].v, refs[1], want)
			centre(sa)
			centre(sb)
			c, ga, gb := cosine(sa, sb, want)
			if !want {
				return 1 - c, nil
			}
			return 1 - c, [][][]float64{{through(ga, da)}, {through(gb, db)}}
		},
	}, nil
}

// similarities returns the cosines of z with the anchors and their gradients at z.
func similarities(z []float32, anchors [][]float32, want bool) (s []float64, ds [][]float64) {
	for _, a := range anchors {
		c, dz, _ := cosine(z, a, want)
		s, ds = append(s, c), append(ds, dz)
	}
	return s, ds
}

func centre(s []float64) {
	mean := 0.0
	for _, v := range s {
		mean += v / float64(len(s))
	}
	for i := range s {
		s[i] -= mean
	}
}

// through returns −Σ g_k·ds_k; g sums to zero, being the gradient of a cosine of centred vectors.
func through(g []float64, ds [][]float64) []float64 {
	out := make([]float64, len(ds[0]))
	for k, f := range g {
		addScaled(out, -f, ds[k])
	}
	return out
}
