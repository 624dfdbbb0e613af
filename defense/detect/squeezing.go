package detect

import (
	"fmt"
	"math"
	"strings"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/encoder"
)

// FeatureSqueezing compares the encoder's answer to a picture with its answers to squeezed ones and scores the largest
// difference (Xu, Evans, Qi, arXiv 1704.01155 §IV). With class texts the difference is the paper's, the L1 distance of the
// class probabilities softmax(100·cos(f(x), text)), 0…2; without it is 1 − cosine of the embeddings. The paper's joint
// detector on ImageNet has the squeezers bitdepth(5), median(2) and nlm(11,3,4/255).
func FeatureSqueezing(e encoder.Encoder, squeezers []defense.Defense, classes [][]float32, s defense.Stream) (*Detector, error) {
	if len(squeezers) == 0 {
		return nil, fmt.Errorf("detect: feature squeezing: no squeezers")
	}
	if e.Spec().Embedding == 0 {
		return nil, fmt.Errorf("detect: feature squeezing: %s has no embedding", e.Spec().Name)
	}
	d := &Detector{terms: []term{{e, []encoder.Tap{encoder.Embedding}}}}
	var names []string
	for _, q := range squeezers {
		w, err := q.Wrap(e, s)
		if err != nil {
			return nil, fmt.Errorf("detect: feature squeezing: %w", err)
		}
		d.terms = append(d.terms, term{w, []encoder.Tap{encoder.Embedding}})
		names = append(names, q.String())
	}
	d.name = "feature-squeezing(" + strings.Join(names, ",") + ")"
	distance := cosineDistance
	if len(classes) > 0 {
		z, err := newZeroShot(classes, e.Spec().Embedding)
		if err != nil {
			return nil, fmt.Errorf("detect: feature squeezing: %w", err)
		}
		distance = z.distance
	}
	d.measure = func(x [][]activation, want bool) (float64, [][][]float64) { return largest(x, distance, want) }
	return d, nil
}

// pairDistance is a distance of two embeddings with its gradients.
type pairDistance func(a, b []float32, want bool) (d float64, da, db []float64)

func cosineDistance(a, b []float32, want bool) (float64, []float64, []float64) {
	c, da, db := cosine(a, b, want)
	for i := range da {
		da[i], db[i] = -da[i], -db[i]
	}
	return 1 - c, da, db
}

// largest returns the largest distance of term 0 from the others; the gradient goes through that one.
func largest(x [][]activation, distance pairDistance, want bool) (float64, [][][]float64) {
	best, at := math.Inf(-1), 0
	for i := 1; i < len(x); i++ {
		if d, _, _ := distance(x[0][0].v, x[i][0].v, false); d > best || math.IsNaN(d) {
			best, at = d, i
		}
	}
	if !want {
		return best, nil
	}
	grad := make([][][]float64, len(x))
	for i := range grad {
		grad[i] = make([][]float64, 1)
	}
	_, da, db := distance(x[0][0].v, x[at][0].v, true)
	grad[0][0], grad[at][0] = da, db
	return best, grad
}
