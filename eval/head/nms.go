package head

import (
	"cmp"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

// overlap is the IoU above which this package's heads drop the lower of two boxes.
const overlap = 0.5

// Suppress keeps, best first, the detections that overlap no better one of their class by an IoU above most, at
// most [metric.MaxDetections] in all. It reorders found.
func Suppress(found []metric.Detection, most float64) []metric.Detection {
	slices.SortStableFunc(found, func(a, b metric.Detection) int { return cmp.Compare(b.Score, a.Score) })
	var kept []metric.Detection
	for _, f := range found {
		if len(kept) == metric.MaxDetections {
			break
		}
		if !slices.ContainsFunc(kept, func(k metric.Detection) bool {
			return k.Class == f.Class && dataset.IoU(k.Box, f.Box) > most
		}) {
			kept = append(kept, f)
		}
	}
	return kept
}

// softmax of one row.
func softmax(x []float32) []float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, float64(v))
	}
	out := make([]float64, len(x))
	var sum float64
	for i, v := range x {
		out[i] = math.Exp(float64(v) - top)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// LogSoftmax is log softmax of one row.
func LogSoftmax(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	sum, _ := logSum(out)
	for i := range out {
		out[i] -= sum
	}
	return out
}

// logSoftmaxBack writes to back the gradient of Σ d·LogSoftmax(x).
func LogSoftmaxBack(back, x []float32, d []float64) {
	sum := 0.0
	for _, v := range d {
		sum += v
	}
	for i, p := range softmax(x) {
		back[i] = float32(d[i] - p*sum)
	}
}
