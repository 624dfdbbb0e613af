package head

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
)

const kindDenseProbe = "denseprobe"

// DenseProbe segments an image by a net on every patch's vector: linear with no hidden layer, an MLP with some;
// several taps are skips from several layers, side by side.
type DenseProbe struct {
	name string
	cfg  denseProbeConfig
	net  *net
}

type denseProbeConfig struct {
	Skips skips `json:"skips"`
	Sizes []int `json:"sizes"`
}

// TrainDenseProbe fits the net to the shares of the classes in each patch by cross-entropy, rarer classes
// weighing more (by the root of their rarity, at most 20). Images without a mask count as background.
func TrainDenseProbe(name string, layout Layout, taps []encoder.Tap, feats []Features, classes int, hidden []int, how Training) (*DenseProbe, error) {
	s, acts, err := joined(name, layout, taps, feats)
	if err != nil {
		return nil, err
	}
	shares, err := patchShares(name, layout, feats, classes+1)
	if err != nil {
		return nil, err
	}
	t := &targets{}
	for i, a := range acts {
		for p := range a.Shape[0] {
			t.x = append(t.x, a.Row(p))
			t.classes = append(t.classes, shares[i][p])
		}
	}
	t.thin(mostRows, how.Seed)
	weighRare(t.classes)
	sizes := append(append([]int{s.width()}, hidden...), classes+1)
	n, err := newNet(sizes, how.Seed)
	if err != nil {
		return nil, fmt.Errorf("head %s: %w", name, err)
	}
	if err := n.fit(t, how); err != nil {
		return nil, fmt.Errorf("head %s: %w", name, err)
	}
	return &DenseProbe{name: name, cfg: denseProbeConfig{s, sizes}, net: n}, nil
}

// weighRare multiplies every column by the root of its rarity, at most 20.
func weighRare(rows [][]float32) {
	total := make([]float64, len(rows[0]))
	var all, present float64
	for _, r := range rows {
		for k, v := range r {
			total[k] += float64(v)
			all += float64(v)
		}
	}
	for _, v := range total {
		if v > 0 {
			present++
		}
	}
	for _, r := range rows {
		for k := range r {
			if total[k] > 0 {
				r[k] *= float32(min(20, math.Sqrt(all/(present*total[k]))))
			}
		}
	}
}

// Name, Task and Taps implement [Head].
func (h *DenseProbe) Name() string        { return h.name }
func (h *DenseProbe) Task() Task          { return Segmentation }
func (h *DenseProbe) Taps() []encoder.Tap { return h.cfg.Skips.Taps }

// Predict implements [Head].
func (h *DenseProbe) Predict(in Input) (Output, error) {
	return predictMask(h, h.cfg.Skips.Layout, in)
}

func predictMask(h Differentiable, layout Layout, in Input) (Output, error) {
	p, err := layout.over(h.Name(), in.Width, in.Height)
	if err != nil {
		return Output{}, err
	}
	s, err := h.Scores(in)
	if err != nil {
		return Output{}, err
	}
	return Output{Label: -1, Mask: p.maskFrom(s)}, nil
}

// Scores implements [Differentiable]: patches×(1+classes) logits, background first.
func (h *DenseProbe) Scores(in Input) (Activation, error) {
	a, err := h.cfg.Skips.vectors(h.name, in)
	if err != nil {
		return a, err
	}
	values := h.cfg.Sizes[len(h.cfg.Sizes)-1]
	y, _ := h.net.forward(a.Data)
	return Matrix(a.Shape[0], values, y), nil
}

// VJP implements [Differentiable].
func (h *DenseProbe) VJP(in Input, dScores []float32) ([]Activation, error) {
	a, err := h.cfg.Skips.vectors(h.name, in)
	if err != nil {
		return nil, err
	}
	values := h.cfg.Sizes[len(h.cfg.Sizes)-1]
	if err := checkCotangent(h.name, dScores, a.Shape[0]*values); err != nil {
		return nil, err
	}
	_, pre := h.net.forward(a.Data)
	return h.cfg.Skips.back(in, Matrix(a.Shape[0], a.Shape[1], h.net.vjp(pre, dScores))), nil
}

// Decisions implements [Attackable]: one choice among the mask values for each patch.
func (h *DenseProbe) Decisions(_ []Output, t Truth) ([]Decisions, error) {
	return ofMask(h.name, h.cfg.Skips.Layout, h.cfg.Sizes[len(h.cfg.Sizes)-1], t)
}

func (h *DenseProbe) state() (*state, error) {
	return newState(kindDenseProbe, h.name, h.cfg, func(s *state) {
		h.net.save(s, "")
	})
}

func loadDenseProbe(s *state) (Head, error) {
	h := &DenseProbe{name: s.Name}
	if err := s.config(&h.cfg); err != nil {
		return nil, err
	}
	if err := h.cfg.Skips.validate(s.Name); err != nil {
		return nil, err
	}
	var err error
	if h.net, err = loadNet(s, "", h.cfg.Sizes); err != nil {
		return nil, err
	}
	if h.cfg.Sizes[0] != h.cfg.Skips.width() {
		return nil, fmt.Errorf("head %s: net for %d features on taps of %d", s.Name, h.cfg.Sizes[0], h.cfg.Skips.width())
	}
	return h, nil
}
