package membership

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/plumbline-ml/plumbline/defense/guard"
)

// shown is what the models show behind a guard, as the attacks see it.
type shown struct {
	in    [][]bool
	phi   [][][]float64 // model → example → view: logit-scaled confidence in the example's own class
	right [][][]bool    // whether the label shown is the example's own class
	moved float64       // mean distance of the probabilities shown from the true ones, Σ|Δ| over the classes
}

// behind applies a guard to all answers; nil shows the logits as they are. Guards act on probabilities unless the guard
// makes them itself.
func (a *answers) behind(g guard.Guard, seed uint64) *shown {
	s := &shown{in: a.in}
	n := 0
	for m := range a.logits {
		phis, right := make([][]float64, len(a.labels)), make([][]bool, len(a.labels))
		for i, views := range a.logits[m] {
			for _, logits := range views {
				y := a.labels[i]
				right[i] = append(right[i], first(logits) == y)
				if g == nil {
					phis[i] = append(phis[i], phiOfLogits(logits, y))
				} else {
					p, moved := guardedRow(logits, g, seed)
					phis[i], s.moved = append(phis[i], phi(p[y])), s.moved+moved
				}
				n++
			}
		}
		s.phi, s.right = append(s.phi, phis), append(s.right, right)
	}
	s.moved /= float64(n)
	return s
}

// guardedRow is what a guard shows of logits, and how far that is from the probabilities themselves.
func guardedRow(logits []float64, g guard.Guard, seed uint64) (row []float64, moved float64) {
	row, truth := slices.Clone(logits), slices.Clone(logits)
	guard.Softmax{}.Apply(truth, seed)
	if !makesProbabilities(g) {
		copy(row, truth)
	}
	g.Apply(row, seed)
	for k := range row {
		moved += math.Abs(row[k] - truth[k])
	}
	return row, moved
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

// phiOfLogits is the logit-scaled confidence log(p/(1−p)) of arXiv 2112.03570, equation 3, in which the scores of one
// example over many models are close to normal: z_y − log Σ_{k≠y} exp z_k, exact however sure the model is.
func phiOfLogits(logits []float64, y int) float64 {
	others := slices.Delete(slices.Clone(logits), y, y+1)
	if len(others) == 0 {
		return 0
	}
	return logits[y] - floats.LogSumExp(others)
}

// phi is the same from a probability.
func phi(p float64) float64 {
	p = min(max(p, 0), 1)
	return math.Log(p+resolution) - math.Log(1-p+resolution)
}
