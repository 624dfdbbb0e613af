package membership

import (
	"math"
	"slices"
)

// liraOnline compares, view by view, the target's confidence with normal distributions of the shadow models that were and
// were not trained on the example; the score is the mean log-likelihood ratio. Locations are medians, as in the code
// released with the paper. The paper's variance per example needs many shadow models (it advises 64), so one variance for
// all examples is taken from what is left around the medians; the released code takes the variance of the confidences
// themselves, which counts the differences between examples as well.
func liraOnline(s *shown, target int) []float64 {
	in, out := s.fit(target, true), s.fit(target, false)
	return each(s, target, func(i int) float64 {
		sum := 0.0
		x := s.phi[target][i]
		for v := range x {
			sum += logNormal(x[v], in.median[i][v], in.std[v]) - logNormal(x[v], out.median[i][v], out.std[v])
		}
		return sum / float64(len(x))
	})
}

// liraOffline asks how far the confidence lies above that of shadow models without the example: the one-sided test
// 1 − Pr[N(μ_out, σ_out) > φ], by its normal quantile, which ranks in the same order.
func liraOffline(s *shown, target int) []float64 {
	out := s.fit(target, false)
	return each(s, target, func(i int) float64 {
		sum := 0.0
		x := s.phi[target][i]
		for v := range x {
			sum += (x[v] - out.median[i][v]) / out.std[v]
		}
		return sum / float64(len(x))
	})
}

// shadows describes the confidences of shadow models on one side.
type shadows struct {
	median [][]float64 // example → view
	std    []float64   // view
}

// fit looks at all models but the target that were (member) or were not trained on each example.
func (s *shown) fit(target int, member bool) shadows {
	examples, views := len(s.phi[target]), len(s.phi[target][0])
	f := shadows{median: make([][]float64, examples), std: make([]float64, views)}
	square, n := make([]float64, views), make([]float64, views)
	for i := range examples {
		var rows [][]float64
		for m := range s.phi {
			if m != target && s.in[m][i] == member {
				rows = append(rows, s.phi[m][i])
			}
		}
		f.median[i] = make([]float64, views)
		for v := range views {
			column := make([]float64, len(rows))
			for k, r := range rows {
				column[k] = r[v]
			}
			f.median[i][v] = median(column)
			for _, x := range column {
				square[v] += (x - f.median[i][v]) * (x - f.median[i][v])
				n[v]++
			}
		}
	}
	for v := range f.std {
		f.std[v] = math.Sqrt(square[v]/n[v]) + leastStd
	}
	return f
}

// leastStd keeps the fit of models that always answer the same finite.
const leastStd = 1e-3

func median(x []float64) float64 {
	slices.Sort(x)
	n := len(x)
	if n%2 == 1 {
		return x[n/2]
	}
	return (x[n/2-1] + x[n/2]) / 2
}

func logNormal(x, mean, std float64) float64 {
	z := (x - mean) / std
	return -z*z/2 - math.Log(std)
}
