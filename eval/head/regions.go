package head

import (
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

const kindRegions = "regions"

// RegionZeroShot detects objects by comparing windows of the patch grid with text: a window's class probabilities are
// the mean over its patches of the softmax of [DenseZeroShot]'s scores, in which background competes (the idea of
// RegionCLIP, Zhong et al., arXiv 2112.09106, without its training).
type RegionZeroShot struct{ dense *DenseZeroShot }

// windows are the heights and widths that are tried, in patches.
var windows = [][2]int{{1, 1}, {1, 2}, {2, 1}, {2, 2}, {1, 4}, {4, 1}, {2, 4}, {4, 2}, {3, 3}, {4, 4}, {2, 8}, {8, 2}, {6, 6}, {8, 8}, {12, 12}}

// NewRegionZeroShot takes what [NewDenseZeroShot] takes.
func NewRegionZeroShot(name string, layout Layout, proj *Projection, text [][]float32, values []int, classes int, scale float64) (*RegionZeroShot, error) {
	d, err := NewDenseZeroShot(name, layout, proj, text, values, classes, scale)
	if err != nil {
		return nil, err
	}
	return &RegionZeroShot{d}, nil
}

// NewRegions uses the prompts and the projection of a segmentation head, and takes its name.
func NewRegions(dense *DenseZeroShot) *RegionZeroShot { return &RegionZeroShot{dense} }

// Name, Task and Taps implement [Head].
func (h *RegionZeroShot) Name() string        { return h.dense.name }
func (h *RegionZeroShot) Task() Task          { return Detection }
func (h *RegionZeroShot) Taps() []encoder.Tap { return h.dense.Taps() }

// Predict implements [Head].
func (h *RegionZeroShot) Predict(in Input) (Output, error) {
	layout := h.dense.cfg.Layout
	p, err := layout.over(h.Name(), in.Width, in.Height)
	if err != nil {
		return Output{}, err
	}
	sums, err := h.sums(in)
	if err != nil {
		return Output{}, err
	}
	var found []metric.Detection
	for _, w := range windows {
		for r := 0; r+w[0] <= layout.Rows; r++ {
			for c := 0; c+w[1] <= layout.Cols; c++ {
				found = h.window(found, p, sums, r, c, w)
			}
		}
	}
	return Output{Label: -1, Detections: Suppress(found, overlap)}, nil
}

// sums[r][c] is the sum of the probabilities of all patches above row r and left of column c.
func (h *RegionZeroShot) sums(in Input) ([][][]float64, error) {
	scores, err := h.dense.Scores(in)
	if err != nil {
		return nil, err
	}
	layout, values := h.dense.cfg.Layout, scores.Shape[1]
	sums := make([][][]float64, layout.Rows+1)
	for r := range sums {
		sums[r] = make([][]float64, layout.Cols+1)
		for c := range sums[r] {
			sums[r][c] = make([]float64, values)
		}
	}
	for r := range layout.Rows {
		for c := range layout.Cols {
			for j, p := range softmax(scores.Row(r*layout.Cols + c)) {
				sums[r+1][c+1][j] = p + sums[r][c+1][j] + sums[r+1][c][j] - sums[r][c][j]
			}
		}
	}
	return sums, nil
}

// window adds the window at (r, c) if a class beats background in it. Its score is the probability of the class
// inside times one minus that in the ring of one patch around it, so that of windows in an object the one that
// fills it comes first.
func (h *RegionZeroShot) window(found []metric.Detection, p placed, sums [][][]float64, r, c int, size [2]int) []metric.Detection {
	in := area(sums, r, c, r+size[0], c+size[1])
	r0, c0, r1, c1 := max(r-1, 0), max(c-1, 0), min(r+size[0]+1, p.Rows), min(c+size[1]+1, p.Cols)
	ring := area(sums, r0, c0, r1, c1)
	patches := size[0] * size[1]
	around := (r1-r0)*(c1-c0) - patches
	k := 0
	for v := range in {
		if in[v] > in[k] {
			k = v
		}
	}
	if k == 0 {
		return found
	}
	score := in[k] / float64(patches)
	if around > 0 {
		score *= 1 - (ring[k]-in[k])/float64(around)
	}
	x0, y0, _, _ := p.cell(r, c)
	b := dataset.Box{X0: x0, Y0: y0, X1: x0 + float64(size[1])*p.cellW, Y1: y0 + float64(size[0])*p.cellH, Class: k - 1}.
		Clip(float64(p.width), float64(p.height))
	if b.Area() > 0 && score >= leastScore {
		found = append(found, metric.Detection{Box: b, Score: score})
	}
	return found
}

// area is the sum over rows r0 to r1 and columns c0 to c1.
func area(sums [][][]float64, r0, c0, r1, c1 int) []float64 {
	v := make([]float64, len(sums[0][0]))
	for j := range v {
		v[j] = sums[r1][c1][j] - sums[r0][c1][j] - sums[r1][c0][j] + sums[r0][c0][j]
	}
	return v
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
