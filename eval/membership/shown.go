package membership

import (
	"math"

	"github.com/plumbline-ml/plumbline/defense/guard"
)

// shown is what the models show behind a guard, as the attacks see it.
type shown struct {
	in    [][]bool
	p     [][][]float64 // model → example → view: probability shown for the example's own class
	right [][][]bool    // whether the label shown is the example's own class
	moved float64       // mean distance of the probabilities shown from the true ones, Σ|Δ| over the classes
}

// behind applies a guard to all answers. Guards act on probabilities unless the guard makes them itself.
func (a *answers) behind(g guard.Guard, seed uint64) *shown {
	s := &shown{in: a.in}
	n := 0
	for m := range a.logits {
		p, right := make([][]float64, len(a.labels)), make([][]bool, len(a.labels))
		for i, views := range a.logits[m] {
			for _, logits := range views {
				row, truth := append([]float64(nil), logits...), append([]float64(nil), logits...)
				guard.Softmax{}.Apply(truth, seed)
				if !makesProbabilities(g) {
					guard.Softmax{}.Apply(row, seed)
				}
				label := first(row)
				g.Apply(row, seed)
				p[i], right[i] = append(p[i], row[a.labels[i]]), append(right[i], label == a.labels[i])
				for k := range row {
					s.moved += math.Abs(row[k] - truth[k])
				}
				n++
			}
		}
		s.p, s.right = append(s.p, p), append(s.right, right)
	}
	s.moved /= float64(n)
	return s
}

func makesProbabilities(g guard.Guard) bool {
	switch g := g.(type) {
	case guard.Softmax:
		return true
	case guard.Chain:
		for _, part := range g {
			if makesProbabilities(part) {
				return true
			}
		}
	}
	return false
}

// first is the first largest score.
func first(row []float64) int {
	best := 0
	for k, v := range row {
		if v > row[best] {
			best = k
		}
	}
	return best
}

// resolution keeps the confidence finite where a probability is 0 or 1: about that of float32, in which models answer.
const resolution = 1e-7

// phi is the logit-scaled confidence log(p/(1−p)) of arXiv 2112.03570, equation 3, at which the scores of one example over
// many models are close to normal.
func phi(p float64) float64 {
	p = min(max(p, 0), 1)
	return math.Log(p+resolution) - math.Log(1-p+resolution)
}

// phis are the confidences of a model's answers for an example, view by view.
func (s *shown) phis(model, example int) []float64 {
	out := make([]float64, len(s.p[model][example]))
	for v, p := range s.p[model][example] {
		out[v] = phi(p)
	}
	return out
}
