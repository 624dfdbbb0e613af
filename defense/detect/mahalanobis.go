package detect

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
	"github.com/plumbline-ml/plumbline/encoder"
)

// Mahalanobis scores how unlikely a picture's mean patch token is, layer by layer, under Gaussians fitted to clean
// pictures: one mean per class and one covariance for all, shrunk after Ledoit and Wolf; the distance is the smallest
// over classes (Lee et al., arXiv 1807.03888). Each layer is standardised by clean pictures that its fit had not seen, and
// the layers are averaged, where the paper weighs them by adversarial examples. labels may be nil: one class.
func Mahalanobis(ctx context.Context, e encoder.Encoder, taps []encoder.Tap, clean []*tensor.Dense, labels []int) (*Detector, error) {
	if labels == nil {
		labels = make([]int, len(clean))
	}
	if len(taps) == 0 || len(labels) != len(clean) || len(clean) < 8 {
		return nil, fmt.Errorf("detect: Mahalanobis: %d taps, %d clean pictures, %d labels; want a tap, eight pictures and a label for each", len(taps), len(clean), len(labels))
	}
	acts, err := collect(ctx, e, clean, taps...)
	if err != nil {
		return nil, fmt.Errorf("detect: Mahalanobis: %w", err)
	}
	prefix := e.Spec().Prefix()
	layers := make([]*gaussians, len(taps))
	for l, tap := range taps {
		features := make([][]float64, len(acts))
		for i := range acts {
			if features[i], err = meanToken(acts[i][l], prefix); err != nil {
				return nil, fmt.Errorf("detect: Mahalanobis: tap %s: %w", tap, err)
			}
		}
		if layers[l], err = fitStandardised(features, labels); err != nil {
			return nil, fmt.Errorf("detect: Mahalanobis: tap %s: %w", tap, err)
		}
	}
	return &Detector{
		name:  expr.Print("mahalanobis", join(taps)),
		terms: []term{{e, taps}},
		measure: func(x [][]activation, want bool) (float64, [][][]float64) {
			return unlikeliness(x[0], layers, prefix, want)
		},
	}, nil
}

// meanToken averages the patch tokens.
func meanToken(a activation, prefix int) ([]float64, error) {
	tokens, err := a.patches(prefix)
	if err != nil {
		return nil, err
	}
	m := make([]float64, a.shape[1])
	for _, t := range tokens {
		for i, v := range t {
			m[i] += float64(v) / float64(len(tokens))
		}
	}
	return m, nil
}

// fitStandardised fits all features; the mean and deviation of the distance come from two fits on halves, each
// measured on the other half.
func fitStandardised(features [][]float64, labels []int) (*gaussians, error) {
	var held []float64
	for half := range 2 {
		var train [][]float64
		var classes []int
		for i := range features {
			if i%2 == half {
				train, classes = append(train, features[i]), append(classes, labels[i])
			}
		}
		g, err := fitGaussians(train, classes)
		if err != nil {
			return nil, err
		}
		for i, f := range features {
			if i%2 != half {
				d, _ := g.distance(f)
				held = append(held, d)
			}
		}
	}
	g, err := fitGaussians(features, labels)
	if err != nil {
		return nil, err
	}
	for _, d := range held {
		g.mean += d / float64(len(held))
	}
	for _, d := range held {
		g.sd += (d - g.mean) * (d - g.mean) / float64(len(held))
	}
	if g.sd = math.Sqrt(g.sd); !(g.sd > 0) || math.IsInf(g.sd, 0) {
		return nil, errors.New("the clean pictures all look the same at this layer")
	}
	return g, nil
}

// unlikeliness is the mean over layers of the standardised distances.
func unlikeliness(x []activation, layers []*gaussians, prefix int, want bool) (float64, [][][]float64) {
	score := 0.0
	grads := make([][]float64, len(x))
	for l, g := range layers {
		f, err := meanToken(x[l], prefix)
		if err != nil { // the taps were checked at construction
			return math.NaN(), [][][]float64{grads}
		}
		d, df := g.distance(f)
		n := float64(len(layers))
		score += (d - g.mean) / g.sd / n
		if !want {
			continue
		}
		width := x[l].shape[1]
		tokens := float64(x[l].shape[0] - prefix)
		grads[l] = make([]float64, len(x[l].v))
		for i := prefix * width; i < len(grads[l]); i++ {
			grads[l][i] = df[i%width] / (g.sd * n * tokens)
		}
	}
	return score, [][][]float64{grads}
}
