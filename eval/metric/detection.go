package metric

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// Detection is a scored box in source pixels.
type Detection struct {
	dataset.Box
	Score float64
}

// MaxDetections is how many detections of one class count in one image, best first (as in COCO).
const MaxDetections = 100

// Found is what was detected in one image and what is there.
type Found struct {
	Detections []Detection
	Truth      []dataset.Box
}

// AP is average precision: AP50 at IoU 0.5, AP75 at 0.75, and AP averaged over 0.50, 0.55, …, 0.95, each
// the mean over the classes that have boxes. NaN when none has.
type AP struct {
	AP, AP50, AP75 float64
	PerClass       []float64 // averaged over the thresholds; NaN for a class without boxes
}

const thresholds = 10

func threshold(t int) float64 { return 0.5 + 0.05*float64(t) }

// DetectionScore holds the matches of every image, so that [DetectionScore.On] can score any resample.
type DetectionScore struct {
	classes int
	images  [][]classMatches // [image][class]
}

// classMatches are one image's detections of one class, best first.
type classMatches struct {
	boxes  int // that count
	scores []float64
	result [thresholds][]match
}

type match uint8

const (
	miss match = iota
	hit
	ignored
)

// NewDetectionScore matches the detections of every image as the COCO evaluation does (Lin et al., arXiv
// 1405.0312; pycocotools' cocoeval, all areas, 100 detections): in order of score, each takes the free
// box of its class of largest IoU at or above the threshold; failing that, one that lies in an
// Ignore box by the share of its own area counts neither way.
func NewDetectionScore(images []Found, classes int) (*DetectionScore, error) {
	d := &DetectionScore{classes: classes, images: make([][]classMatches, len(images))}
	for i, im := range images {
		d.images[i] = make([]classMatches, classes)
		for _, b := range im.Truth {
			if b.Class < 0 || b.Class >= classes {
				return nil, fmt.Errorf("metric: image %d has a box of class %d of %d", i, b.Class, classes)
			}
		}
		for _, b := range im.Detections {
			if b.Class < 0 || b.Class >= classes || math.IsNaN(b.Score) {
				return nil, fmt.Errorf("metric: image %d has a detection of class %d of %d with score %v", i, b.Class, classes, b.Score)
			}
		}
		for c := range classes {
			d.images[i][c] = matchClass(im, c)
		}
	}
	return d, nil
}

func matchClass(im Found, class int) classMatches {
	var found []Detection
	for _, f := range im.Detections {
		if f.Class == class {
			found = append(found, f)
		}
	}
	slices.SortStableFunc(found, func(a, b Detection) int { return cmp.Compare(b.Score, a.Score) })
	found = found[:min(len(found), MaxDetections)]
	var truth, ignore []dataset.Box
	for _, b := range im.Truth {
		switch {
		case b.Class != class:
		case b.Ignore:
			ignore = append(ignore, b)
		default:
			truth = append(truth, b)
		}
	}
	m := classMatches{boxes: len(truth)}
	for _, f := range found {
		m.scores = append(m.scores, f.Score)
	}
	for t := range thresholds {
		taken := make([]bool, len(truth))
		for _, f := range found {
			m.result[t] = append(m.result[t], matchOne(f.Box, truth, taken, ignore, threshold(t)))
		}
	}
	return m
}

func matchOne(f dataset.Box, truth []dataset.Box, taken []bool, ignore []dataset.Box, least float64) match {
	best, at := least, -1
	for i, b := range truth {
		if v := dataset.IoU(f, b); !taken[i] && v >= best {
			best, at = v, i
		}
	}
	if at >= 0 {
		taken[at] = true
		return hit
	}
	for _, b := range ignore {
		inter := dataset.Box{X0: max(f.X0, b.X0), Y0: max(f.Y0, b.Y0), X1: min(f.X1, b.X1), Y1: min(f.Y1, b.Y1)}.Area()
		if a := f.Area(); a > 0 && inter/a >= least {
			return ignored
		}
	}
	return miss
}

// On scores the images with the given indices, which may repeat.
func (d *DetectionScore) On(indices []int) AP {
	ap := AP{PerClass: make([]float64, d.classes)}
	var all, at50, at75 meanOf
	for c := range d.classes {
		var overall meanOf
		for t := range thresholds {
			v := d.class(indices, c, t)
			overall.add(v)
			switch t {
			case 0:
				at50.add(v)
			case 5:
				at75.add(v)
			}
		}
		ap.PerClass[c] = overall.value()
		all.add(ap.PerClass[c])
	}
	ap.AP, ap.AP50, ap.AP75 = all.value(), at50.value(), at75.value()
	return ap
}

// All scores every image.
func (d *DetectionScore) All() AP {
	indices := make([]int, len(d.images))
	for i := range indices {
		indices[i] = i
	}
	return d.On(indices)
}

// class is the 101-point average precision of one class at one threshold, NaN without boxes.
func (d *DetectionScore) class(indices []int, class, t int) float64 {
	type scored struct {
		score float64
		hit   bool
	}
	var found []scored
	boxes := 0
	for _, i := range indices {
		m := &d.images[i][class]
		boxes += m.boxes
		for k, r := range m.result[t] {
			if r != ignored {
				found = append(found, scored{m.scores[k], r == hit})
			}
		}
	}
	if boxes == 0 {
		return math.NaN()
	}
	slices.SortStableFunc(found, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	recall, precision := make([]float64, len(found)), make([]float64, len(found))
	hits := 0
	for k, f := range found {
		if f.hit {
			hits++
		}
		recall[k], precision[k] = float64(hits)/float64(boxes), float64(hits)/float64(k+1)
	}
	return interpolated(recall, precision)
}

// interpolated is the mean over recalls 0, 0.01, …, 1 of the best precision at that recall or beyond.
func interpolated(recall, precision []float64) float64 {
	for k := len(precision) - 2; k >= 0; k-- {
		precision[k] = max(precision[k], precision[k+1])
	}
	var sum float64
	k := 0
	for r := range 101 {
		for k < len(recall) && recall[k] < float64(r)/100 {
			k++
		}
		if k == len(recall) {
			break
		}
		sum += precision[k]
	}
	return sum / 101
}

// meanOf averages what is not NaN.
type meanOf struct {
	sum float64
	n   int
}

func (m *meanOf) add(v float64) {
	if !math.IsNaN(v) {
		m.sum += v
		m.n++
	}
}

func (m *meanOf) value() float64 {
	if m.n == 0 {
		return math.NaN()
	}
	return m.sum / float64(m.n)
}
