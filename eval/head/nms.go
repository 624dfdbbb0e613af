package head

import (
	"cmp"
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
