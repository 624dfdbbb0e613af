package metric

import (
	"cmp"
	"math"
	"slices"
)

// AP50, AP75 and AP return the average precision at IoU 0.5, at 0.75, and averaged over 0.50, 0.55, …, 0.95, as
// [DetectionScore.On] gives them, as functions that are cheap to call for many resamples: the detections of all
// images are put in order once, and a resample only counts how often each image occurs. Detections of equal
// score of different images are taken in the order of their images.
func (d *DetectionScore) AP50() func(indices []int) float64 { return d.at(0) }

// AP75 is described at AP50.
func (d *DetectionScore) AP75() func(indices []int) float64 { return d.at(5) }

// AP is described at AP50.
func (d *DetectionScore) AP() func(indices []int) float64 {
	var all []int
	for t := range thresholds {
		all = append(all, t)
	}
	return d.at(all...)
}

// at averages over thresholds within a class and then over classes.
func (d *DetectionScore) at(levels ...int) func(indices []int) float64 {
	ordered, boxes := make([][][]rankedDetection, d.classes), make([][]int, d.classes)
	for c := range ordered {
		for i := range d.images {
			boxes[c] = append(boxes[c], d.images[i][c].boxes)
		}
		for _, t := range levels {
			ordered[c] = append(ordered[c], d.ranked(c, t))
		}
	}
	return func(indices []int) float64 {
		times := make([]int, len(d.images))
		for _, i := range indices {
			times[i]++
		}
		var mean meanOf
		for c := range ordered {
			var overall meanOf
			for _, found := range ordered[c] {
				overall.add(resampled(boxes[c], found, times))
			}
			mean.add(overall.value())
		}
		return mean.value()
	}
}

// rankedDetection is one detection of one image at one threshold.
type rankedDetection struct {
	image int
	score float64
	hit   bool
}

// ranked lists a class's detections of all images, best first.
func (d *DetectionScore) ranked(class, level int) []rankedDetection {
	var out []rankedDetection
	for i := range d.images {
		m := &d.images[i][class]
		for k, r := range m.result[level] {
			if r != ignored {
				out = append(out, rankedDetection{i, m.scores[k], r == hit})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b rankedDetection) int { return cmp.Compare(b.score, a.score) })
	return out
}

// resampled is the average precision of a class where image i, which holds boxes[i] of it, occurs times[i] times. A
// miss changes no recall and lowers precision, so only hits are points of the curve.
func resampled(boxes []int, ordered []rankedDetection, times []int) float64 {
	total := 0
	for i, n := range times {
		total += n * boxes[i]
	}
	if total == 0 {
		return math.NaN()
	}
	var recall, precision []float64
	hits, seen := 0, 0
	for _, f := range ordered {
		n := times[f.image]
		if !f.hit {
			seen += n
			continue
		}
		for range n {
			seen++
			hits++
			recall, precision = append(recall, float64(hits)/float64(total)), append(precision, float64(hits)/float64(seen))
		}
	}
	return interpolated(recall, precision)
}
