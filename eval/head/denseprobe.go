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
	patchNet
	cfg denseProbeConfig
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
	return &DenseProbe{patchNet{name, s, n}, denseProbeConfig{s, sizes}}, nil
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

// Task implements [Head].
func (h *DenseProbe) Task() Task { return Segmentation }

// Predict implements [Head]. The scores are patches×(1+classes) logits, background first.
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

// Decisions implements [Attackable]: one choice among the mask values for each patch.
func (h *DenseProbe) Decisions(_ []Output, t Truth) ([]Decisions, error) {
	return ofMask(h.name, h.cfg.Skips.Layout, h.cfg.Sizes[len(h.cfg.Sizes)-1], t)
}

func (h *DenseProbe) state() (*state, error) { return h.stateOf(kindDenseProbe, h.cfg) }

func loadDenseProbe(s *state) (Head, error) {
	h := &DenseProbe{}
	var err error
	h.patchNet, err = loadPatchNet(s, &h.cfg, func() (skips, []int, error) { return h.cfg.Skips, h.cfg.Sizes, nil })
	return h, err
}
