package membership

import (
	"math"

	"github.com/plumbline-ml/plumbline/eval/metric"
)

// rates are the false-positive rates of a curve: 10^-3 to 1, twelve to a decade.
var rates = func() []float64 {
	var out []float64
	for k := -36; k <= 0; k++ {
		out = append(out, math.Pow(10, float64(k)/12))
	}
	return out
}()

// curve is the true-positive rate at each of the rates.
func curve(scores []float64, member []bool) ([]float64, error) {
	out := make([]float64, len(rates))
	for k, fpr := range rates {
		var err error
		if out[k], err = metric.TPRAtFPR(scores, member, fpr); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Point is one point of a ROC curve.
type Point struct {
	FPR float64 `json:"fpr"`
	TPR float64 `json:"tpr"`
}

// meanCurve is the mean over the targets at each false-positive rate.
func meanCurve(curves [][]float64) []Point {
	out := make([]Point, len(rates))
	for k, fpr := range rates {
		sum := 0.0
		for _, c := range curves {
			sum += c[k]
		}
		out[k] = Point{fpr, float64(sum / float64(len(curves)))}
	}
	return out
}
