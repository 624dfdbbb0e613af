package head

import (
	"fmt"
	"math"
	"slices"
)

// judged is an anomaly score against a threshold; 0 means that none is set.
func judged(score, threshold float64) Output {
	out := Output{Anomaly: score}
	if threshold > 0 && score > threshold {
		out.Label = 1
	}
	return out
}

// anomalyThreshold is the smallest score of the images without defects that at most the share fpr of them
// exceeds.
func anomalyThreshold(h Head, good []Features, fpr float64) (float64, error) {
	if len(good) == 0 || !(fpr >= 0 && fpr < 1) {
		return 0, fmt.Errorf("head %s: calibrating on %d images for a false-positive rate of %v", h.Name(), len(good), fpr)
	}
	scores := make([]float64, len(good))
	for i := range good {
		in, err := good[i].Input(h.Taps())
		if err != nil {
			return 0, fmt.Errorf("head %s: %w", h.Name(), err)
		}
		out, err := h.Predict(in)
		if err != nil {
			return 0, fmt.Errorf("%w (image %s)", err, good[i].Sample.ID)
		}
		if math.IsNaN(out.Anomaly) {
			return 0, fmt.Errorf("head %s: image %s has the score NaN", h.Name(), good[i].Sample.ID)
		}
		scores[i] = out.Anomaly
	}
	slices.Sort(scores)
	above := int(math.Floor(fpr * float64(len(scores))))
	return scores[len(scores)-1-above], nil
}
