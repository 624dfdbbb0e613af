package detect

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/internal/expr"
	"github.com/plumbline-ml/plumbline/encoder"
)

// NoiseDrift scores −τ, the relative drift ‖f(x+n) − f(x)‖/‖f(x)‖ of the embedding under uniform noise of ±eps, averaged
// over draws: adversarial pictures of strong attacks sit in places that noise does not leave ("falsely stable": Xing et al.,
// test-time counterattacks, CVPR 2025, with eps = 4/255 and a threshold of τ = 0.2). Weak ones drift more than clean
// pictures, so look at both ends of the score.
func NoiseDrift(e encoder.Encoder, eps float64, draws int, seed uint64) (*Detector, error) {
	if draws < 1 || draws > defense.MaxEOT {
		return nil, fmt.Errorf("detect: noise drift: %d draws, want 1…%d", draws, defense.MaxEOT)
	}
	if e.Spec().Embedding == 0 {
		return nil, fmt.Errorf("detect: noise drift: %s has no embedding", e.Spec().Name)
	}
	d := &Detector{name: expr.Print("noise-drift", eps, draws), terms: []term{{e, []encoder.Tap{encoder.Embedding}}}, measure: drift}
	for i := range draws {
		w, err := defense.Purify(defense.Noise{Eps: eps}).Wrap(e, defense.Stream{Seed: seed, Draw: uint64(i)})
		if err != nil {
			return nil, fmt.Errorf("detect: noise drift: %w", err)
		}
		d.terms = append(d.terms, term{w, []encoder.Tap{encoder.Embedding}})
	}
	return d, nil
}

// drift is −mean ‖x_i − x_0‖/‖x_0‖.
func drift(x [][]activation, want bool) (float64, [][][]float64) {
	ref := x[0][0].v
	norm := 0.0
	for _, v := range ref {
		norm += float64(v) * float64(v)
	}
	norm = math.Sqrt(norm)
	n := float64(len(x) - 1)
	sum := 0.0
	grad := make([][][]float64, len(x))
	atRef := make([]float64, len(ref))
	for i := 1; i < len(x); i++ {
		dist := 0.0
		for k, v := range x[i][0].v {
			dist += math.Pow(float64(v)-float64(ref[k]), 2)
		}
		dist = math.Sqrt(dist)
		sum += dist / norm
		g := make([]float64, len(ref))
		for k, v := range x[i][0].v {
			if dist > 0 {
				g[k] = -(float64(v) - float64(ref[k])) / (dist * norm * n)
			}
			atRef[k] += -g[k] + dist*float64(ref[k])/(norm*norm*norm*n)
		}
		grad[i] = [][]float64{g}
	}
	grad[0] = [][]float64{atRef}
	if !want {
		grad = nil
	}
	return -sum / n, grad
}
