package head

import (
	"math"

	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// Harmed is a head whose damage cannot be told by decisions on the scores of one call, such as a detector, of which
// the boxes count as much as the classes, or a caption that is made word by word.
type Harmed interface {
	Head
	// Harm is the loss at one image, given the head's own answer to the clean image as for [Attackable].
	Harm(clean []Output, t Truth) (Harm, error)
}

// Harm is how far a head is from a good answer: larger is worse, above 0 the answer has lost most of its worth. It
// also returns the gradient at every activation.
type Harm func(in Input) (value float64, at []Activation, err error)

// The loss of detections. An object is found by a box of its class that overlaps it by half; around that the overlap
// counts smoothly.
const (
	halfOverlap = 0.5
	softOverlap = 0.1  // width of the step at halfOverlap
	lostScore   = 0.02 // of an object found with less, only the share leak of what it falls further counts
	falseWeight = 0.5  // of the false detections against the lost objects
)

// Candidates are the boxes that a detector may give, in source pixels, with the logarithm of the score of every
// class.
type Candidates struct {
	Boxes []dataset.Box
	Log   [][]float64
}

// CandidateGradient is a value for each number of [Candidates]; a box's are those of X0, Y0, X1, Y1.
type CandidateGradient struct {
	Boxes [][4]float64
	Log   [][]float64
}

// Harm falls with the scores of boxes on the truth and rises with those of boxes that are on nothing: what lowers
// the average precision at an IoU of one half. An object's score is Σ over boxes of score·σ((IoU − 0.5)/0.1), and
// the harm the mean over objects of its negative logarithm, plus half the mean over boxes of the logarithm of their
// score as false detections. At 0 all these scores are the 0.05 below which boxes are dropped.
func (c Candidates) Harm(truth []dataset.Box) (float64, CandidateGradient) {
	g := CandidateGradient{Boxes: make([][4]float64, len(c.Boxes)), Log: make([][]float64, len(c.Boxes))}
	for k := range g.Log {
		g.Log[k] = make([]float64, len(c.Log[k]))
	}
	var objects []dataset.Box
	for _, b := range truth {
		if !b.Ignore {
			objects = append(objects, b)
		}
	}
	if len(c.Boxes) == 0 {
		return 0, g
	}
	value := falseWeight * (c.falseDetections(objects, g) - math.Log(leastScore))
	for _, b := range objects {
		value += (math.Log(leastScore) - c.found(b, 1/float64(len(objects)), g)) / float64(len(objects))
	}
	return value, g
}

// found is the logarithm of an object's score; weight times its negative gradient is added to g.
func (c Candidates) found(object dataset.Box, weight float64, g CandidateGradient) float64 {
	logs, slopes := make([]float64, len(c.Boxes)), make([][4]float64, len(c.Boxes))
	for k, b := range c.Boxes {
		iou, d := overlapGradient(b, object)
		v, s := LogSigmoid((iou - halfOverlap) / softOverlap)
		logs[k] = c.Log[k][object.Class] + v
		for j := range d {
			slopes[k][j] = s / softOverlap * d[j]
		}
	}
	total, shares := logSum(logs)
	if least := math.Log(lostScore); total < least {
		total, weight = least+leak*(total-least), weight*leak
	}
	for k, p := range shares {
		g.Log[k][object.Class] -= weight * p
		for j, s := range slopes[k] {
			g.Boxes[k][j] -= weight * p * s
		}
	}
	return total
}

// falseDetections is the mean over boxes of the logarithm of the summed scores of the classes that they hold no
// object of; falseWeight times its gradient is added to g.
func (c Candidates) falseDetections(objects []dataset.Box, g CandidateGradient) float64 {
	weight := falseWeight / float64(len(c.Boxes))
	mean := 0.0
	for k, b := range c.Boxes {
		logs, slopes := make([]float64, len(c.Log[k])), make([][4]float64, len(c.Log[k]))
		for class := range logs {
			most, at := 0.0, [4]float64{}
			for _, o := range objects {
				if o.Class != class {
					continue
				}
				if iou, d := overlapGradient(b, o); iou > most {
					most, at = iou, d
				}
			}
			v, s := LogSigmoid((halfOverlap - most) / softOverlap)
			logs[class] = c.Log[k][class] + v
			for j := range at {
				slopes[class][j] = -s / softOverlap * at[j]
			}
		}
		total, shares := logSum(logs)
		mean += total / float64(len(c.Boxes))
		for class, p := range shares {
			g.Log[k][class] += weight * p
			for j, s := range slopes[class] {
				g.Boxes[k][j] += weight * p * s
			}
		}
	}
	return mean
}

// overlapGradient is the IoU of two boxes and its gradient at the first's sides.
func overlapGradient(b, o dataset.Box) (float64, [4]float64) {
	w, h := min(b.X1, o.X1)-max(b.X0, o.X0), min(b.Y1, o.Y1)-max(b.Y0, o.Y0)
	if w <= 0 || h <= 0 || b.X1 <= b.X0 || b.Y1 <= b.Y0 {
		return 0, [4]float64{}
	}
	inter := w * h
	union := b.Area() + o.Area() - inter
	sides := [4]float64{-h, -w, h, w} // of the intersection
	if b.X0 < o.X0 {
		sides[0] = 0
	}
	if b.Y0 < o.Y0 {
		sides[1] = 0
	}
	if b.X1 > o.X1 {
		sides[2] = 0
	}
	if b.Y1 > o.Y1 {
		sides[3] = 0
	}
	bw, bh := b.X1-b.X0, b.Y1-b.Y0
	area := [4]float64{-bh, -bw, bh, bw}
	for j := range sides {
		sides[j] = (sides[j]*union - inter*(area[j]-sides[j])) / (union * union)
	}
	return inter / union, sides
}
