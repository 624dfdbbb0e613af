package head

import (
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/metric"
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
	return Output{Label: -1, Detections: Suppress(p.regions(value, score), overlap)}, nil
}

// regions joins cells of one value ≥ 1 that are at most two steps apart.
func (p placed) regions(value []int, score []float64) []metric.Detection {
	seen := make([]bool, len(value))
	var found []metric.Detection
	for k := range value {
		if seen[k] || value[k] < 1 {
			continue
		}
		seen[k] = true
		group, sum := []int{k}, 0.0
		b := dataset.Box{X0: 1 << 20, Y0: 1 << 20, Class: value[k] - 1}
		for i := 0; i < len(group); i++ {
			r, c := group[i]/p.Cols, group[i]%p.Cols
			x0, y0, x1, y1 := p.cell(r, c)
			b.X0, b.Y0, b.X1, b.Y1 = min(b.X0, x0), min(b.Y0, y0), max(b.X1, x1), max(b.Y1, y1)
			sum += score[group[i]]
			for y := max(r-2, 0); y <= min(r+2, p.Rows-1); y++ {
				for x := max(c-2, 0); x <= min(c+2, p.Cols-1); x++ {
					if n := y*p.Cols + x; !seen[n] && value[n] == value[k] {
						seen[n] = true
						group = append(group, n)
					}
				}
			}
		}
		if b = b.Clip(float64(p.width), float64(p.height)); b.Area() > 0 {
			found = append(found, metric.Detection{Box: b, Score: sum / float64(len(group))})
		}
	}
	return found
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
