package attack

import (
	"math"
	"sort"
)

// The losses of one position's logits z with true class y. Each writes its derivative to d, which
// arrives zeroed, and is defined for two or more classes.

// crossEntropy is −log softmax(z)_y.
func (l *logitLoss) crossEntropy(z, d []float64, y, _ int) float64 {
	top := z[argmax(z)]
	sum := 0.0
	for i, v := range z {
		d[i] = math.Exp(v - top)
		sum += d[i]
	}
	for i := range d {
		d[i] /= sum
	}
	d[y]--
	return math.Log(sum) + top - z[y]
}

// margin is max_{i≠y} z_i − z_y (Carlini & Wagner, arXiv 1608.04644).
func (l *logitLoss) margin(z, d []float64, y, _ int) float64 {
	i := wrong(z, y)
	d[i]++
	d[y]--
	return z[i] - z[y]
}

// wrong returns the largest entry other than y.
func wrong(z []float64, y int) int {
	best := -1
	for i, v := range z {
		if i != y && (best < 0 || v > z[best]) {
			best = i
		}
	}
	return best
}

// order sets sorted to the classes by falling logit.
func (l *logitLoss) order(z []float64) {
	for i := range l.sorted {
		l.sorted[i] = i
	}
	sort.SliceStable(l.sorted, func(i, j int) bool { return z[l.sorted[i]] > z[l.sorted[j]] })
}

// gap is the smallest denominator of the ratios below.
const gap = 1e-12

// ratio is DLR, (max_{i≠y} z_i − z_y)/(z_π1 − z_π3) (Croce & Hein, arXiv 2003.01690, eq. 6). It needs
// three classes; with two it is the margin, for which the ratio would be constant.
func (l *logitLoss) ratio(z, d []float64, y, _ int) float64 {
	if len(z) < 3 {
		return l.margin(z, d, y, 0)
	}
	l.order(z)
	return divide(d, z, wrong(z, y), y, []term{{l.sorted[0], 1}, {l.sorted[2], -1}})
}

// targetedRatio is targeted DLR, (z_t − z_y)/(z_π1 − (z_π3 + z_π4)/2) (arXiv 2003.01690, eq. 7). With
// three classes the denominator is z_π1 − z_π3, with two it is left out.
func (l *logitLoss) targetedRatio(z, d []float64, y, t int) float64 {
	l.order(z)
	switch {
	case len(z) == 2:
		d[t]++
		d[y]--
		return z[t] - z[y]
	case len(z) == 3:
		return divide(d, z, t, y, []term{{l.sorted[0], 1}, {l.sorted[2], -1}})
	}
	return divide(d, z, t, y, []term{{l.sorted[0], 1}, {l.sorted[2], -0.5}, {l.sorted[3], -0.5}})
}

// term is one term of a denominator.
type term struct {
	class  int
	factor float64
}

// divide returns (z_a − z_y)/Σ factor·z_class and its derivative.
func divide(d, z []float64, a, y int, below []term) float64 {
	den := 0.0
	for _, p := range below {
		den += p.factor * z[p.class]
	}
	constant := den < gap
	den = max(den, gap)
	v := (z[a] - z[y]) / den
	d[a] += 1 / den
	d[y] -= 1 / den
	if !constant {
		for _, p := range below {
			d[p.class] -= v / den * p.factor
		}
	}
	return v
}
