package system

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

// mask spreads scores per cell of the network's picture over the source image and gives every pixel the class of
// the largest.
func (n *Network) mask(a head.Activation, width, height int) (head.Output, error) {
	shape := last(a.Shape, 3)
	if shape == nil {
		return head.Output{}, fmt.Errorf("masks of shape %v: want C×H×W", a.Shape)
	}
	classes, err := n.channels(shape[0])
	if err != nil {
		return head.Output{}, err
	}
	values, cells := len(classes), shape[1]*shape[2]
	scores := head.Matrix(cells, values, make([]float32, cells*values))
	for i := range cells {
		row := scores.Row(i)
		row[0] = absent
		if shape[0] == 1 {
			row[0] = float32(n.cfg.Threshold)
		}
		for c := range shape[0] {
			row[values-shape[0]+c] = a.Data[c*cells+i]
		}
	}
	layout := head.Layout{Rows: shape[1], Cols: shape[2], Preproc: n.model.Spec().Preproc}
	m, err := layout.Spread(scores, width, height)
	if err != nil {
		return head.Output{}, err
	}
	for i, v := range m.Pix {
		m.Pix[i] = classes[v]
	}
	return head.Output{Label: -1, Mask: m}, nil
}

// absent is the score of background where the network has no channel for it.
const absent = -1e9

// channels gives the mask value of every row of scores, background first.
func (n *Network) channels(channels int) ([]uint16, error) {
	if own := len(n.cfg.Classes.index); channels != own && channels != own+1 || channels == 0 {
		return nil, fmt.Errorf("masks of %d channels for %d classes: say under classes which the system has, in its order", channels, own)
	}
	values := []uint16{dataset.Background}
	for _, k := range n.cfg.Classes.index {
		values = append(values, uint16(k+1))
	}
	return values, nil
}

// detections reads boxes in the network's picture.
func (n *Network) detections(got map[Kind]head.Activation, width, height int) (head.Output, error) {
	boxes, scores, labels, err := n.split(got)
	if err != nil {
		return head.Output{}, err
	}
	top, left, bottom, right := n.model.Spec().Preproc.Region(height, width)
	size := n.model.Spec().ImageSize
	h, w := float64(size[0]), float64(size[1])
	var found []metric.Detection
	for i := range boxes.Shape[0] {
		own, score := 0, float64(0)
		if labels.Data != nil {
			own, score = int(labels.Data[i]), float64(scores.Data[i])
		} else {
			own, score = n.best(scores.Row(i))
		}
		class, err := n.cfg.Classes.at(own)
		if err != nil {
			return head.Output{}, fmt.Errorf("box %d: %w", i, err)
		}
		if class < 0 {
			continue
		}
		r := boxes.Row(i)
		b := n.cfg.Boxes.decode([4]float64{float64(r[0]), float64(r[1]), float64(r[2]), float64(r[3])}, w, h)
		b = dataset.Box{X0: left + b.X0/w*(right-left), X1: left + b.X1/w*(right-left), Y0: top + b.Y0/h*(bottom-top), Y1: top + b.Y1/h*(bottom-top)}
		b = b.Clip(float64(width), float64(height))
		b.Class = class
		found = append(found, metric.Detection{Box: b, Score: score})
	}
	return head.Output{Label: -1, Detections: n.cfg.Boxes.choose(found)}, nil
}

// split gives boxes N×4, and either scores N×C or, with labels N, scores N.
func (n *Network) split(got map[Kind]head.Activation) (boxes, scores, labels head.Activation, err error) {
	columns := len(n.cfg.Classes.index)
	if n.cfg.Boxes.Background != "" {
		columns++
	}
	if boxes, ok := got[BoxCorners]; ok {
		scores, labels := got[BoxScores], got[BoxLabels]
		boxes.Shape = withRows(boxes.Shape, 4)
		rows := boxes.Shape[0]
		if labels.Data == nil && columns > 0 {
			scores.Shape = []int{rows, columns}
		}
		want := rows * columns
		if labels.Data != nil {
			want = rows
		}
		if len(boxes.Data) != rows*4 || len(scores.Data) != want || labels.Data != nil && len(labels.Data) != rows {
			return boxes, scores, labels, fmt.Errorf("boxes of shape %v with %d scores and %d labels for %d classes: say under classes which the system has", boxes.Shape, len(scores.Data), len(labels.Data), columns)
		}
		return boxes, scores, labels, nil
	}
	for kind, before := range map[Kind]int{BoxesScores: 4, BoxesObjectness: 5, BoxesScoreLabel: 6} {
		a, ok := got[kind]
		if !ok {
			continue
		}
		width := before
		if kind != BoxesScoreLabel {
			width += columns
		}
		if a, err = upright(a, width); err != nil {
			return a, a, a, err
		}
		boxes, scores, labels = columnsOf(a, 0, 4), columnsOf(a, before, width), head.Activation{}
		if kind == BoxesScoreLabel {
			scores, labels = columnsOf(a, 4, 5), columnsOf(a, 5, 6)
		}
		if kind == BoxesObjectness {
			for i := range scores.Shape[0] {
				for j := range scores.Row(i) {
					scores.Row(i)[j] *= a.Row(i)[4]
				}
			}
		}
	}
	return boxes, scores, labels, nil
}

// withRows is the shape of a matrix of the given width.
func withRows(shape []int, width int) []int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return []int{n / width, width}
}

// upright turns a joint output so that every row is a box.
func upright(a head.Activation, width int) (head.Activation, error) {
	shape := last(a.Shape, 2)
	switch {
	case shape != nil && shape[1] == width:
		return head.Matrix(shape[0], width, a.Data), nil
	case shape != nil && shape[0] == width:
		out := head.Matrix(shape[1], width, make([]float32, len(a.Data)))
		for j := range width {
			for i := range shape[1] {
				out.Row(i)[j] = a.Data[j*shape[1]+i]
			}
		}
		return out, nil
	}
	return a, fmt.Errorf("boxes of shape %v: want N×%d or %d×N; say under classes which the system has", a.Shape, width, width)
}

func columnsOf(a head.Activation, lo, hi int) head.Activation {
	out := head.Matrix(a.Shape[0], hi-lo, nil)
	for i := range a.Shape[0] {
		out.Data = append(out.Data, a.Row(i)[lo:hi]...)
	}
	return out
}

// best is the class of the largest score of a box, background left out, and that score.
func (n *Network) best(row []float32) (int, float64) {
	p := make([]float64, len(row))
	top := math.Inf(-1)
	for _, v := range row {
		top = max(top, float64(v))
	}
	var sum float64
	for j, v := range row {
		switch n.cfg.Boxes.Scores {
		case "sigmoid":
			p[j] = 1 / (1 + math.Exp(-float64(v)))
		case "softmax":
			p[j] = math.Exp(float64(v) - top)
			sum += p[j]
		default:
			p[j] = float64(v)
		}
	}
	switch n.cfg.Boxes.Background {
	case "first":
		p = p[1:]
	case "last":
		p = p[:len(p)-1]
	}
	k := 0
	for j := range p {
		if p[j] > p[k] {
			k = j
		}
	}
	if sum > 0 {
		return k, p[k] / sum
	}
	return k, p[k]
}
