// Package metric holds the scores of the tasks: classification, anomaly detection, segmentation,
// detection, captioning, question answering and retrieval, and the distances between a clean and an
// adversarial image and between their tokens.
//
// Metrics take plain predictions and references and know nothing of encoders or heads. A score of no
// samples is NaN, never zero.
package metric

import (
	"fmt"
	"math"
)

// Rate is a count of hits among N trials.
type Rate struct {
	Hits int `json:"hits"`
	N    int `json:"n"`
}

// Value is Hits/N, NaN if N is 0.
func (r Rate) Value() float64 {
	if r.N == 0 {
		return math.NaN()
	}
	return float64(r.Hits) / float64(r.N)
}

// Accuracy counts predictions equal to the truth. Samples whose truth is negative have no label and are
// left out.
func Accuracy(predicted, truth []int) (Rate, error) {
	if len(predicted) != len(truth) {
		return Rate{}, fmt.Errorf("metric: %d predictions for %d labels", len(predicted), len(truth))
	}
	var r Rate
	for i, want := range truth {
		if want < 0 {
			continue
		}
		r.N++
		if predicted[i] == want {
			r.Hits++
		}
	}
	return r, nil
}

// PerClass is the accuracy within each of the classes 0..classes-1 (the recall of the class).
func PerClass(predicted, truth []int, classes int) ([]Rate, error) {
	if len(predicted) != len(truth) {
		return nil, fmt.Errorf("metric: %d predictions for %d labels", len(predicted), len(truth))
	}
	rates := make([]Rate, classes)
	for i, want := range truth {
		if want < 0 {
			continue
		}
		if want >= classes {
			return nil, fmt.Errorf("metric: label %d of sample %d, but there are %d classes", want, i, classes)
		}
		rates[want].N++
		if predicted[i] == want {
			rates[want].Hits++
		}
	}
	return rates, nil
}

// BalancedAccuracy is the mean of [PerClass] over the classes that occur, NaN if none does.
func BalancedAccuracy(predicted, truth []int, classes int) (float64, error) {
	rates, err := PerClass(predicted, truth, classes)
	if err != nil {
		return math.NaN(), err
	}
	var sum float64
	present := 0
	for _, r := range rates {
		if r.N > 0 {
			sum += r.Value()
			present++
		}
	}
	if present == 0 {
		return math.NaN(), nil
	}
	return sum / float64(present), nil
}
