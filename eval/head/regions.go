package head

import (
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

const kindRegions = "regions"

// RegionZeroShot detects objects as the connected regions of one class in the mask of a [DenseZeroShot]. A region's
// score is the largest probability of the class, background among the others, of the patches that it touches. Boxes
// are no finer than the interpolation of the patch grid.
type RegionZeroShot struct{ dense *DenseZeroShot }

// NewRegions uses the prompts and the projection of a segmentation head, and takes its name.
func NewRegions(dense *DenseZeroShot) *RegionZeroShot { return &RegionZeroShot{dense} }

// Name, Task and Taps implement [Head].
func (h *RegionZeroShot) Name() string        { return h.dense.name }
func (h *RegionZeroShot) Task() Task          { return Detection }
func (h *RegionZeroShot) Taps() []encoder.Tap { return h.dense.Taps() }

// Scores and VJP implement [Differentiable]; see [DenseZeroShot.Scores].
func (h *RegionZeroShot) Scores(in Input) (Activation, error) { return h.dense.Scores(in) }
func (h *RegionZeroShot) VJP(in Input, d []float32) ([]Activation, error) {
	return h.dense.VJP(in, d)
}

// Decisions implements [Attackable]: every patch's mask value.
func (h *RegionZeroShot) Decisions(clean []Output, t Truth) ([]Decisions, error) {
	return h.dense.Decisions(clean, t)
}

// Predict implements [Head].
func (h *RegionZeroShot) Predict(in Input) (Output, error) {
	p, err := h.dense.cfg.Layout.over(h.Name(), in.Width, in.Height)
	if err != nil {
		return Output{}, err
	}
	s, err := h.Scores(in)
	if err != nil {
		return Output{}, err
	}
	var found []metric.Detection
	for _, b := range p.maskFrom(s).Boxes(1) {
		found = append(found, metric.Detection{Box: b, Score: p.most(s, b)})
	}
	return Output{Label: -1, Detections: Suppress(found, overlap)}, nil
}

// most is the largest probability of a box's class among the patches that it touches.
func (p placed) most(scores Activation, b dataset.Box) float64 {
	best := 0.0
	for k := range scores.Shape[0] {
		x0, y0, x1, y1 := p.cell(k/p.Cols, k%p.Cols)
		if x0 < b.X1 && b.X0 < x1 && y0 < b.Y1 && b.Y0 < y1 {
			best = max(best, softmax(scores.Row(k))[1+b.Class])
		}
	}
	return best
}

func (h *RegionZeroShot) state() (*state, error) {
	s, err := h.dense.state()
	if err != nil {
		return nil, err
	}
	s.Kind = kindRegions
	return s, nil
}

func loadRegions(s *state) (Head, error) {
	d, err := loadDenseText(s)
	if err != nil {
		return nil, err
	}
	return &RegionZeroShot{d.(*DenseZeroShot)}, nil
}
