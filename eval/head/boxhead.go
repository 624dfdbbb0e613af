package head

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

const kindBox = "box"

// BoxHead detects objects without anchors, in the manner of FCOS (Tian et al., arXiv 1904.01355): every patch
// gives logits for background and the classes, and the distances from its centre to the four sides of the
// object it lies in, measured in patches.
type BoxHead struct {
	patchNet
	cfg boxConfig
}

type boxConfig struct {
	Skips   skips `json:"skips"`
	Sizes   []int `json:"sizes"` // output: 1 + Classes logits, then left, top, right, bottom over distanceScale
	Classes int   `json:"classes"`
}

const (
	distanceScale = 4    // patches per unit of the net's distances
	leastScore    = 0.05 // detections below are dropped
)

// TrainBoxHead fits the head to the boxes of the images: a patch belongs to the smallest box that its centre
// lies in within one patch of the box's middle; a box without such a patch gets the one that its middle lies
// in. Other patches in a box, and those in Ignore boxes, train nothing. The loss is the cross-entropy (patches
// of objects weigh as much as background in all) plus the squared error of the distances.
func TrainBoxHead(name string, layout Layout, taps []encoder.Tap, feats []Features, classes int, hidden []int, how Training) (*BoxHead, error) {
	s, acts, err := joined(name, layout, taps, feats)
	if err != nil {
		return nil, err
	}
	t := &targets{}
	for i, a := range acts {
		if err := t.addBoxes(name, layout, feats[i].Sample, a, classes); err != nil {
			return nil, err
		}
	}
	t.thin(mostRows, how.Seed)
	balanceBackground(t.classes)
	sizes := append(append([]int{s.width()}, hidden...), 1+classes+4)
	n, err := newNet(sizes, how.Seed)
	if err != nil {
		return nil, fmt.Errorf("head %s: %w", name, err)
	}
	if err := n.fit(t, how); err != nil {
		return nil, fmt.Errorf("head %s: %w", name, err)
	}
	return &BoxHead{patchNet{name, s, n}, boxConfig{s, sizes, classes}}, nil
}

// addBoxes adds one image's patches.
func (t *targets) addBoxes(name string, layout Layout, s *dataset.Sample, a Activation, classes int) error {
	p, err := layout.over(name, s.Width, s.Height)
	if err != nil {
		return err
	}
	owner, ignored := p.owners(s.Boxes)
	for k := range a.Shape[0] {
		row, numbers, weight := make([]float32, 1+classes), make([]float32, 4), float32(0)
		switch o := owner[k]; {
		case o >= 0:
			b := s.Boxes[o]
			if b.Class < 0 || b.Class >= classes {
				return fmt.Errorf("head %s: image %s has a box of class %d of %d", name, s.ID, b.Class, classes)
			}
			row[1+b.Class], weight = 1, 1
			numbers = p.distances(k, b)
		case !ignored[k]:
			row[0] = 1
		}
		t.x, t.classes = append(t.x, a.Row(k)), append(t.classes, row)
		t.numbers, t.weight = append(t.numbers, numbers), append(t.weight, weight)
	}
	return nil
}

// owners gives the index of every patch's box, −1 for none, and whether its centre lies in an Ignore box or in
// the outer part of another.
func (p placed) owners(boxes []dataset.Box) (owner []int, ignored []bool) {
	owner, ignored = make([]int, p.Rows*p.Cols), make([]bool, p.Rows*p.Cols)
	area, outer := make([]float64, len(owner)), make([]bool, len(owner))
	for k := range owner {
		owner[k], area[k] = -1, math.Inf(1)
	}
	for i, b := range boxes {
		held := false
		for k := range owner {
			x, y := p.centre(k)
			if x < b.X0 || x >= b.X1 || y < b.Y0 || y >= b.Y1 {
				continue
			}
			if b.Ignore {
				ignored[k] = true
				continue
			}
			if math.Abs(x-(b.X0+b.X1)/2) > p.cellW || math.Abs(y-(b.Y0+b.Y1)/2) > p.cellH {
				outer[k] = true // in the object, but too far from its middle to judge its extent
				continue
			}
			held = true
			if b.Area() < area[k] {
				owner[k], area[k] = i, b.Area()
			}
		}
		if !held && !b.Ignore {
			if k := p.at((b.X0+b.X1)/2, (b.Y0+b.Y1)/2); k >= 0 && b.Area() < area[k] {
				owner[k], area[k] = i, b.Area()
			}
		}
	}
	for k := range outer {
		ignored[k] = ignored[k] || outer[k]
	}
	return owner, ignored
}

// centre of a patch in source pixels.
func (p placed) centre(k int) (x, y float64) {
	return p.left + (float64(k%p.Cols)+0.5)*p.cellW, p.top + (float64(k/p.Cols)+0.5)*p.cellH
}

// at is the patch that a point lies in, −1 outside the grid.
func (p placed) at(x, y float64) int {
	c, r := int(math.Floor((x-p.left)/p.cellW)), int(math.Floor((y-p.top)/p.cellH))
	if c < 0 || c >= p.Cols || r < 0 || r >= p.Rows {
		return -1
	}
	return r*p.Cols + c
}

// distances from a patch's centre to the sides of b in the net's units.
func (p placed) distances(k int, b dataset.Box) []float32 {
	x, y := p.centre(k)
	return []float32{
		float32((x - b.X0) / p.cellW / distanceScale), float32((y - b.Y0) / p.cellH / distanceScale),
		float32((b.X1 - x) / p.cellW / distanceScale), float32((b.Y1 - y) / p.cellH / distanceScale),
	}
}

// boxAt is the inverse of distances, cut to the image.
func (p placed) boxAt(k int, d []float32) dataset.Box {
	x, y := p.centre(k)
	w, h := p.cellW*distanceScale, p.cellH*distanceScale
	return dataset.Box{X0: x - float64(d[0])*w, Y0: y - float64(d[1])*h, X1: x + float64(d[2])*w, Y1: y + float64(d[3])*h}.
		Clip(float64(p.width), float64(p.height))
}

// boxBack takes the gradient at the sides of [placed.boxAt] to the net's distances. A side cut by the image's edge
// has none.
func (p placed) boxBack(k int, d, back []float32, sides [4]float64) {
	x, y := p.centre(k)
	w, h := p.cellW*distanceScale, p.cellH*distanceScale
	for j, to := range [4]struct{ at, scale, most float64 }{{x, -w, float64(p.width)}, {y, -h, float64(p.height)}, {x, w, float64(p.width)}, {y, h, float64(p.height)}} {
		if v := to.at + to.scale*float64(d[j]); v >= 0 && v <= to.most {
			back[j] = float32(to.scale * sides[j])
		}
	}
}

// balanceBackground makes the patches of objects weigh as much as those of background together, at most tenfold
// each.
func balanceBackground(rows [][]float32) {
	var background, objects float32
	for _, r := range rows {
		background += r[0]
		for _, v := range r[1:] {
			objects += v
		}
	}
	if objects == 0 {
		return
	}
	k := min(10, max(1, background/objects))
	for _, r := range rows {
		for j := range r[1:] {
			r[1+j] *= k
		}
	}
}

// Task implements [Head].
func (h *BoxHead) Task() Task { return Detection }

// Predict implements [Head]. The scores are patches×(1+classes+4): logits, background first, and distances. A
// detection's score is the class's probability; overlapping detections of a class are suppressed.
func (h *BoxHead) Predict(in Input) (Output, error) {
	p, err := h.cfg.Skips.Layout.over(h.name, in.Width, in.Height)
	if err != nil {
		return Output{}, err
	}
	s, err := h.Scores(in)
	if err != nil {
		return Output{}, err
	}
	var found []metric.Detection
	for k := range s.Shape[0] {
		row := s.Row(k)
		probability := softmax(row[:1+h.cfg.Classes])
		for c, v := range probability[1:] {
			b := p.boxAt(k, row[1+h.cfg.Classes:])
			if b.Class = c; v >= leastScore && b.Area() > 0 {
				found = append(found, metric.Detection{Box: b, Score: v})
			}
		}
	}
	return Output{Label: -1, Detections: Suppress(found, overlap)}, nil
}

// Harm implements [Harmed]: see [Candidates.Harm]; every patch is a candidate.
func (h *BoxHead) Harm(_ []Output, t Truth) (Harm, error) {
	p, err := h.cfg.Skips.Layout.over(h.name, t.Width, t.Height)
	if err != nil {
		return nil, err
	}
	for _, b := range t.Boxes {
		if b.Class < 0 || b.Class >= h.cfg.Classes {
			return nil, fmt.Errorf("head %s: image %s has a box of class %d of %d", h.name, t.ID, b.Class, h.cfg.Classes)
		}
	}
	return func(in Input) (float64, []Activation, error) {
		s, err := h.Scores(in)
		if err != nil {
			return 0, nil, err
		}
		c := Candidates{}
		logits := 1 + h.cfg.Classes
		for k := range s.Shape[0] {
			c.Boxes = append(c.Boxes, p.boxAt(k, s.Row(k)[logits:]))
			c.Log = append(c.Log, LogSoftmax(s.Row(k)[:logits])[1:])
		}
		value, g := c.Harm(t.Boxes)
		back := s.Zeros()
		for k := range s.Shape[0] {
			LogSoftmaxBack(back.Row(k)[:logits], s.Row(k)[:logits], append([]float64{0}, g.Log[k]...))
			p.boxBack(k, s.Row(k)[logits:], back.Row(k)[logits:], g.Boxes[k])
		}
		at, err := h.VJP(in, back.Data)
		return value, at, err
	}, nil
}

func (h *BoxHead) state() (*state, error) { return h.stateOf(kindBox, h.cfg) }

func loadBox(s *state) (Head, error) {
	h := &BoxHead{}
	var err error
	h.patchNet, err = loadPatchNet(s, &h.cfg, func() (skips, []int, error) {
		if c := h.cfg; c.Classes < 1 || len(c.Sizes) == 0 || c.Sizes[len(c.Sizes)-1] != 1+c.Classes+4 {
			return c.Skips, nil, fmt.Errorf("net of %v for %d classes", c.Sizes, c.Classes)
		}
		return h.cfg.Skips, h.cfg.Sizes, nil
	})
	return h, err
}
