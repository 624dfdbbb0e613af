package head

import "math"

// softmax of one row.
func softmax(x []float32) []float64 {
	_, shares := logSum(doubles(x))
	return shares
}

func doubles(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// LogSoftmax is log softmax of one row.
func LogSoftmax(x []float32) []float64 {
	out := doubles(x)
	sum, _ := logSum(out)
	for i := range out {
		out[i] -= sum
	}
	return out
}

// LogSoftmaxBack writes to back the gradient of Σ d·LogSoftmax(x).
func LogSoftmaxBack(back, x []float32, d []float64) {
	sum := 0.0
	for _, v := range d {
		sum += v
	}
	for i, p := range softmax(x) {
		back[i] = float32(d[i] - p*sum)
	}
}

// LogSigmoid is log σ(x) and its derivative.
func LogSigmoid(x float64) (value, slope float64) {
	if x > 0 {
		e := math.Exp(-x)
		return -math.Log1p(e), e / (1 + e)
	}
	e := math.Exp(x)
	return x - math.Log1p(e), 1 / (1 + e)
}

// logSum is log Σ exp(x) and its gradient.
func logSum(x []float64) (float64, []float64) {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, v)
	}
	shares := make([]float64, len(x))
	if math.IsInf(top, -1) {
		return neverChosen, shares
	}
	sum := 0.0
	for i, v := range x {
		shares[i] = math.Exp(v - top)
		sum += shares[i]
	}
	for i := range shares {
		shares[i] /= sum
	}
	return top + math.Log(sum), shares
}
