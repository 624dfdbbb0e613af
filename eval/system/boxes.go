package system

import (
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

// Boxes says how a system writes boxes and which of them count.
type Boxes struct {
	Format     string  `yaml:"format,omitempty"`     // xyxy: corners, the default; xywh: corner and size; cxcywh: centre and size
	Normalised bool    `yaml:"normalised,omitempty"` // in parts of width and height instead of pixels
	Least      float64 `yaml:"least,omitempty"`      // boxes of a lower score are dropped
	NMS        float64 `yaml:"nms,omitempty"`        // of two boxes of a class whose IoU is above, the better stays; 0: all stay
}

func (b Boxes) validate() error {
	if !slices.Contains([]string{"", "xyxy", "xywh", "cxcywh"}, b.Format) {
		return fmt.Errorf("box format %q is none of xyxy, xywh, cxcywh", b.Format)
	}
	if !(b.NMS >= 0 && b.NMS <= 1) || math.IsNaN(b.Least) {
		return fmt.Errorf("boxes with nms %v and least %v", b.NMS, b.Least)
	}
	return nil
}

// decode is the box in pixels of a frame of the given size, as it is: it may reach beyond the frame.
func (b Boxes) decode(v [4]float64, width, height float64) dataset.Box {
	box := dataset.Box{X0: v[0], Y0: v[1], X1: v[2], Y1: v[3]}
	switch b.Format {
	case "xywh":
		box.X1, box.Y1 = v[0]+v[2], v[1]+v[3]
	case "cxcywh":
		box = dataset.Box{X0: v[0] - v[2]/2, Y0: v[1] - v[3]/2, X1: v[0] + v[2]/2, Y1: v[1] + v[3]/2}
	}
	if b.Normalised {
		box.X0, box.X1 = box.X0*width, box.X1*width
		box.Y0, box.Y1 = box.Y0*height, box.Y1*height
	}
	return box
}

// choose drops what is empty, not finite or below the least score, and suppresses overlaps where asked to. The
// best come first.
func (b Boxes) choose(found []metric.Detection) []metric.Detection {
	found = slices.DeleteFunc(found, func(d metric.Detection) bool {
		return !(d.Area() > 0) || math.IsInf(d.Area(), 0) || !(d.Score >= b.Least)
	})
	overlap := b.NMS
	if overlap == 0 {
		overlap = 1 // an IoU is never above
	}
	return head.Suppress(found, overlap)
}
