package head

import (
	"github.com/plumbline-ml/plumbline/encoder"
)

const kindPixelBoxes = "pixelboxes"

// PixelBoxes detects objects as the connected regions of a [PixelProbe]'s cells of one class, bridged over gaps
// of one cell. A region's score is its mean probability of
// the class.
type PixelBoxes struct{ pixels *PixelProbe }

// NewPixelBoxes stands on a fitted map; name is the new head's.
func NewPixelBoxes(name string, pixels *PixelProbe) *PixelBoxes {
	p := *pixels
	p.name = name
	return &PixelBoxes{&p}
}

// Name, Task and Taps implement [Head].
func (h *PixelBoxes) Name() string        { return h.pixels.name }
func (h *PixelBoxes) Task() Task          { return Detection }
func (h *PixelBoxes) Taps() []encoder.Tap { return h.pixels.Taps() }

// Scores and VJP implement [Differentiable]; see [PixelProbe.Scores].
func (h *PixelBoxes) Scores(in Input) (Activation, error) { return h.pixels.Scores(in) }
func (h *PixelBoxes) VJP(in Input, d []float32) ([]Activation, error) {
	return h.pixels.VJP(in, d)
}

// Decisions implements [Attackable]: every cell's mask value.
func (h *PixelBoxes) Decisions(clean []Output, t Truth) ([]Decisions, error) {
	return h.pixels.Decisions(clean, t)
}

// Predict implements [Head].
func (h *PixelBoxes) Predict(in Input) (Output, error) {
	p, err := h.pixels.cfg.finer().over(h.Name(), in.Width, in.Height)
	if err != nil {
		return Output{}, err
	}
	s, err := h.Scores(in)
	if err != nil {
		return Output{}, err
	}
	value, score := make([]int, s.Shape[0]), make([]float64, s.Shape[0])
	for k := range value {
		value[k] = max(argmax(s.Row(k)), 0)
		score[k] = softmax(s.Row(k))[value[k]]
	}
	return Output{Label: -1, Detections: Suppress(p.regions(value, score, bridged), overlap)}, nil
}

func (h *PixelBoxes) state() (*state, error) {
	s, err := h.pixels.state()
	if err != nil {
		return nil, err
	}
	s.Kind = kindPixelBoxes
	return s, nil
}

func loadPixelBoxes(s *state) (Head, error) {
	h, err := loadPixelProbe(s)
	if err != nil {
		return nil, err
	}
	return &PixelBoxes{h.(*PixelProbe)}, nil
}
