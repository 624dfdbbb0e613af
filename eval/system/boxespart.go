package system

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// boxesPart reads boxes with scores.
type boxesPart struct{ outputs }

// leastLog is the logarithm that stands for scores that are not there.
const leastLog = -30

// Harm implements [head.Harmed]: every box is a candidate, whatever is dropped or suppressed afterwards.
func (b boxesPart) Harm(_ []head.Output, t head.Truth) (head.Harm, error) {
	for _, box := range t.Boxes {
		if box.Class < 0 || box.Class >= len(b.cfg.Classes.labels) {
			return nil, fmt.Errorf("system %s: image %s has a box of class %d", b.name, t.ID, box.Class)
		}
	}
	return func(in head.Input) (float64, []head.Activation, error) {
		boxes, scores, labels, err := b.split(b.got(in))
		if err != nil {
			return 0, nil, err
		}
		f := b.frame(in.Width, in.Height)
		var c head.Candidates
		for i := range boxes.Shape[0] {
			c.Boxes = append(c.Boxes, f.box(boxes.Row(i)).Clip(float64(in.Width), float64(in.Height)))
			if labels.Data != nil {
				c.Log = append(c.Log, b.labelled(scores.Data[i], labels.Data[i]))
				continue
			}
			logs, _ := b.logs(scores.Row(i))
			c.Log = append(c.Log, b.byClass(logs))
		}
		value, g := c.Harm(t.Boxes)
		back := newSplit(boxes, scores)
		for i := range boxes.Shape[0] {
			f.back(back.boxes.Row(i), g.Boxes[i], f.box(boxes.Row(i)), in.Width, in.Height)
			if labels.Data != nil {
				if k, err := b.cfg.Classes.at(int(labels.Data[i])); err == nil && k >= 0 && scores.Data[i] > 0 {
					back.scores.Data[i] = float32(g.Log[i][k] / float64(scores.Data[i]))
				}
				continue
			}
			_, slopes := b.logs(scores.Row(i))
			slopes(back.scores.Row(i), b.byOwn(g.Log[i]))
		}
		return value, b.join(in, back), nil
	}, nil
}

// labelled are the logarithms of the scores of a box that has one label.
func (b boxesPart) labelled(score, label float32) []float64 {
	out := make([]float64, len(b.cfg.Classes.labels))
	for k := range out {
		out[k] = leastLog
	}
	if k, err := b.cfg.Classes.at(int(label)); err == nil && k >= 0 && score > 0 {
		out[k] = max(leastLog, math.Log(float64(score)))
	}
	return out
}

// byClass takes what the system says of its own classes to those of the data; of several the largest counts.
func (b boxesPart) byClass(own []float64) []float64 {
	out := make([]float64, len(b.cfg.Classes.labels))
	for k := range out {
		out[k] = leastLog
	}
	for j, k := range b.cfg.Classes.index {
		if k >= 0 {
			out[k] = max(out[k], own[j])
		}
	}
	return out
}

func (b boxesPart) byOwn(d []float64) []float64 {
	out := make([]float64, len(b.cfg.Classes.index))
	for j, k := range b.cfg.Classes.index {
		if k >= 0 {
			out[j] = d[k]
		}
	}
	return out
}

// logs are the logarithms of a box's scores, background left out, and what takes a gradient of them to the row.
func (b boxesPart) logs(row []float32) ([]float64, func(back []float32, d []float64)) {
	from := 0
	if b.cfg.Boxes.Background == "first" {
		from = 1
	}
	own := len(b.cfg.Classes.index)
	logs, slope := make([]float64, own), make([]float64, own)
	if b.cfg.Boxes.Scores == "softmax" {
		all := head.LogSoftmax(row)
		copy(logs, all[from:])
		return logs, func(back []float32, d []float64) {
			full := make([]float64, len(row))
			copy(full[from:], d)
			head.LogSoftmaxBack(back, row, full)
		}
	}
	for j := range logs {
		v := float64(row[from+j])
		switch {
		case b.cfg.Boxes.Scores == "sigmoid":
			logs[j], slope[j] = head.LogSigmoid(v)
		case v > 0:
			logs[j], slope[j] = max(leastLog, math.Log(v)), 1/v
		default:
			logs[j] = leastLog
		}
	}
	return logs, func(back []float32, d []float64) {
		for j, s := range slope {
			back[from+j] = float32(s * d[j])
		}
	}
}

// frame takes a box as the network writes it to the source image: an affine map.
type frame struct {
	at     [4]float64    // where zeros go
	slopes [4][4]float64 // [number][side]
}

func (b boxesPart) frame(width, height int) frame {
	top, left, bottom, right := b.model.Spec().Preproc.Region(height, width)
	size := b.model.Spec().ImageSize
	h, w := float64(size[0]), float64(size[1])
	place := func(v [4]float64) [4]float64 {
		box := b.cfg.Boxes.decode(v, w, h)
		x, y := (right-left)/w, (bottom-top)/h
		return [4]float64{left + box.X0*x, top + box.Y0*y, left + box.X1*x, top + box.Y1*y}
	}
	f := frame{at: place([4]float64{})}
	for j := range f.slopes {
		var unit [4]float64
		unit[j] = 1
		for side, v := range place(unit) {
			f.slopes[j][side] = v - f.at[side]
		}
	}
	return f
}

func (f frame) box(row []float32) dataset.Box {
	s := f.at
	for j, v := range row[:4] {
		for side := range s {
			s[side] += float64(v) * f.slopes[j][side]
		}
	}
	return dataset.Box{X0: s[0], Y0: s[1], X1: s[2], Y1: s[3]}
}

// back takes a gradient at the sides to the numbers. Sides beyond the picture are cut and have none.
func (f frame) back(to []float32, d [4]float64, whole dataset.Box, width, height int) {
	for side, v := range [4]float64{whole.X0, whole.Y0, whole.X1, whole.Y1} {
		if most := float64([2]int{width, height}[side%2]); v < 0 || v > most {
			continue
		}
		for j := range f.slopes {
			to[j] += float32(f.slopes[j][side] * d[side])
		}
	}
}

// splitGradient is a gradient of what split gives.
type splitGradient struct{ boxes, scores head.Activation }

func newSplit(boxes, scores head.Activation) splitGradient {
	return splitGradient{boxes.Zeros(), scores.Zeros()}
}

// join undoes split for a gradient.
func (b boxesPart) join(in head.Input, g splitGradient) []head.Activation {
	out := make([]head.Activation, len(in.Acts))
	for i, k := range b.kinds {
		out[i] = in.Acts[i].Zeros()
		switch k {
		case BoxCorners:
			copy(out[i].Data, g.boxes.Data)
		case BoxScores:
			copy(out[i].Data, g.scores.Data)
		case BoxesScores, BoxesObjectness, BoxesScoreLabel:
			b.joint(out[i].Data, in.Acts[i], k, g)
		}
	}
	return out
}

// joint writes the gradient of an output that holds boxes and scores, upright or transposed.
func (b boxesPart) joint(to []float32, a head.Activation, k Kind, g splitGradient) {
	rows := g.boxes.Shape[0]
	width := len(a.Data) / rows
	at := func(i, j int) int { return i*width + j }
	if shape := last(a.Shape, 2); shape[1] != width {
		at = func(i, j int) int { return j*rows + i }
	}
	before := map[Kind]int{BoxesScores: 4, BoxesObjectness: 5, BoxesScoreLabel: 4}[k]
	columns := len(g.scores.Data) / rows
	for i := range rows {
		for j := range 4 {
			to[at(i, j)] = g.boxes.Row(i)[j]
		}
		for j, d := range g.scores.Data[i*columns : (i+1)*columns] {
			if k != BoxesObjectness {
				to[at(i, before+j)] = d
				continue
			}
			to[at(i, before+j)] = d * a.Data[at(i, 4)]
			to[at(i, 4)] += d * a.Data[at(i, before+j)]
		}
	}
}
