package head

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
)

const kindMemory = "memory"

// Memory finds anomalies by the distance of patches from those of images without defects, in the manner of
// PatchCore (Roth et al., arXiv 2106.08265): patch vectors of one or more layers, each averaged over 3×3
// patches, against a coreset of the training patches. An image's score is its largest patch distance; the
// paper's re-weighting by the neighbour's density (equation 7) is left out. Label is 1 above the threshold of
// [Memory.Calibrate], which starts at +Inf.
type Memory struct {
	name string
	cfg  memoryConfig
	bank [][]float32
}

type memoryConfig struct {
	Skips     skips   `json:"skips"`
	Threshold float64 `json:"threshold"` // 0: none
}

// maxMemory bounds the patches kept.
const maxMemory = 4096

// NewMemory keeps share (for example 0.05) of the patches of images without defects, at least 1 and at most
// 4096.
func NewMemory(name string, layout Layout, taps []encoder.Tap, good []Features, share float64, seed uint64) (*Memory, error) {
	s, err := newSkips(name, layout, taps, good)
	if err != nil {
		return nil, err
	}
	if !(share > 0 && share <= 1) {
		return nil, fmt.Errorf("head %s: share %v of the patches", name, share)
	}
	acts, err := s.of(name, good)
	if err != nil {
		return nil, err
	}
	var rows [][]float32
	for _, a := range acts {
		b := layout.blurred(a)
		for t := range b.Shape[0] {
			rows = append(rows, b.Row(t))
		}
	}
	m := &Memory{name: name, cfg: memoryConfig{Skips: s}}
	keep := min(max(1, int(math.Round(share*float64(len(rows))))), maxMemory)
	for _, i := range coreset(rows, keep, seed) {
		m.bank = append(m.bank, clone(rows[i]))
	}
	return m, nil
}

// Calibrate returns the head with its threshold at the score that at most the share fpr of these images without
// defects exceed. They should not be the ones that the memory was built from.
func (m *Memory) Calibrate(good []Features, fpr float64) (*Memory, error) {
	t, err := anomalyThreshold(m, good, fpr)
	if err != nil {
		return nil, err
	}
	c := *m
	c.cfg.Threshold = t
	return &c, nil
}

// Name, Task and Taps implement [Head].
func (m *Memory) Name() string        { return m.name }
func (m *Memory) Task() Task          { return Anomaly }
func (m *Memory) Taps() []encoder.Tap { return m.cfg.Skips.Taps }

// Predict implements [Head].
func (m *Memory) Predict(in Input) (Output, error) {
	a, near, err := m.distances(in)
	if err != nil {
		return Output{}, err
	}
	grid := &Grid{Rows: m.cfg.Skips.Layout.Rows, Cols: m.cfg.Skips.Layout.Cols}
	for t := range a.Shape[0] {
		grid.Value = append(grid.Value, float32(near[t].distance))
	}
	out := judged(near[farthest(near)].distance, m.cfg.Threshold)
	out.Map = grid
	return out, nil
}

// Scores implements [Differentiable]: the image's anomaly score.
func (m *Memory) Scores(in Input) (Activation, error) {
	_, near, err := m.distances(in)
	if err != nil {
		return Activation{}, err
	}
	return Vector([]float32{float32(near[farthest(near)].distance)}), nil
}

// VJP implements [Differentiable] through the farthest patch and its neighbour; 0 where they coincide.
func (m *Memory) VJP(in Input, dScores []float32) ([]Activation, error) {
	if err := checkCotangent(m.name, dScores, 1); err != nil {
		return nil, err
	}
	a, near, err := m.distances(in)
	if err != nil {
		return nil, err
	}
	d := a.Zeros()
	t := farthest(near)
	if n := near[t]; n.distance > 0 {
		row, x, b := d.Row(t), a.Row(t), m.bank[n.index]
		for j := range row {
			row[j] = float32(float64(dScores[0]) * float64(x[j]-b[j]) / n.distance)
		}
	}
	return m.cfg.Skips.back(in, m.cfg.Skips.Layout.blurredBack(d)), nil
}

// Decisions implements [Attackable]: the score against zero.
func (m *Memory) Decisions(_ []Output, t Truth) ([]Decisions, error) { return ofAnomaly(m.name, t) }

type closest struct {
	index    int
	distance float64
}

// distances finds each patch's nearest neighbour in the bank.
func (m *Memory) distances(in Input) (Activation, []closest, error) {
	a, err := m.cfg.Skips.vectors(m.name, in)
	if err != nil {
		return a, nil, err
	}
	a = m.cfg.Skips.Layout.blurred(a)
	near := make([]closest, a.Shape[0])
	for t := range near {
		near[t] = closest{-1, math.Inf(1)}
		for i, b := range m.bank {
			if d := squaredBelow(a.Row(t), b, near[t].distance); d < near[t].distance {
				near[t] = closest{i, d}
			}
		}
		if near[t].index < 0 {
			return a, nil, fmt.Errorf("head %s: patch %d has no finite distance to any patch known", m.name, t)
		}
		near[t].distance = math.Sqrt(near[t].distance)
	}
	return a, near, nil
}

func farthest(near []closest) int {
	best := 0
	for t, n := range near {
		if n.distance > near[best].distance {
			best = t
		}
	}
	return best
}

func (m *Memory) state() (*state, error) {
	return newState(kindMemory, m.name, m.cfg, func(s *state) {
		s.addRows("bank", m.bank)
	})
}

func loadMemory(s *state) (Head, error) {
	m := &Memory{name: s.Name}
	if err := s.config(&m.cfg); err != nil {
		return nil, err
	}
	if err := m.cfg.Skips.validate(s.Name); err != nil {
		return nil, err
	}
	var err error
	if m.bank, err = s.rowsOf("bank", m.cfg.Skips.width()); err != nil {
		return nil, err
	}
	if len(m.bank) == 0 {
		return nil, fmt.Errorf("head %s: the bank is empty", s.Name)
	}
	return m, nil
}
