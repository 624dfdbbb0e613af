package defense

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gorgonia.org/tensor"
)

// Detector tells how suspicious pictures are. Package detect holds the detectors.
type Detector interface {
	// String names the detector and its parameters.
	fmt.Stringer
	// Scores gives each picture one number, larger meaning more suspicious; it depends on that picture only.
	Scores(ctx context.Context, images []*tensor.Dense) ([]float64, error)
}

// Threshold returns the score that at most the fraction fpr of the given clean scores exceeds: alarms are scores above it.
// It fails without clean scores, for scores that are no numbers, and for fpr outside 0…1.
func Threshold(clean []float64, fpr float64) (float64, error) {
	if len(clean) == 0 || !(fpr >= 0 && fpr <= 1) {
		return 0, fmt.Errorf("defense: no threshold from %d clean scores at a false-positive rate of %g", len(clean), fpr)
	}
	sorted := slices.Clone(clean)
	slices.Sort(sorted) // NaN first
	if math.IsNaN(sorted[0]) {
		return 0, fmt.Errorf("defense: threshold: a clean score is not a number")
	}
	allowed := int(math.Floor(fpr*float64(len(sorted)) + 1e-9))
	if allowed >= len(sorted) {
		return math.Inf(-1), nil
	}
	return sorted[len(sorted)-1-allowed], nil
}
