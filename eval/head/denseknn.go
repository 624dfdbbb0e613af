package head

import (
	"fmt"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
)

const kindDenseKNN = "denseknn"

// DenseKNN segments an image by its patches' nearest neighbours among labelled patches, with the votes of [KNN]
// on mask values.
type DenseKNN struct {
	name  string
	cfg   denseKNNConfig
	scale *net        // standardises features; has no layers
	bank  [][]float32 // standardised, unit length
}

type denseKNNConfig struct {
	Skips  skips `json:"skips"`
	K      int   `json:"k"`
	Values int   `json:"values"` // 1 + classes
	Labels []int `json:"labels"` // mask value of every patch kept
}

// NewDenseKNN keeps at most perValue patches of each class, drawn at random, and as many of background as
// classes times that; their features are standardised. A patch has the value of the most of its pixels that are
// not background if those are at least a quarter, and is background otherwise.
func NewDenseKNN(name string, layout Layout, taps []encoder.Tap, feats []Features, classes, k, perValue int, seed uint64) (*DenseKNN, error) {
	s, acts, err := joined(name, layout, taps, feats)
	if err != nil {
		return nil, err
	}
	shares, err := patchShares(name, layout, feats, classes+1)
	if err != nil {
		return nil, err
	}
	h := &DenseKNN{name: name, cfg: denseKNNConfig{Skips: s, K: k, Values: classes + 1}, scale: scaler(s.width())}
	rows := h.choose(acts, shares, perValue, rand.New(rand.NewPCG(seed, 0x6b6e6e)))
	if len(rows) == 0 || len(rows) > 1<<18 {
		return nil, fmt.Errorf("head %s: %d patches to keep", name, len(rows))
	}
	h.scale.standardise(rows)
	for i, r := range rows {
		rows[i] = h.scale.scaled(r)
	}
	if h.bank, err = unitRows(rows); err != nil {
		return nil, fmt.Errorf("head %s: %w", name, err)
	}
	return h, h.validate()
}

// choose draws the patches to keep and notes their mask values.
func (h *DenseKNN) choose(acts []Activation, shares [][][]float32, perValue int, rng *rand.Rand) [][]float32 {
	byValue := make([][][]float32, h.cfg.Values)
	for i, a := range acts {
		for p, share := range shares[i] {
			if v := valueOf(share); v >= 0 {
				byValue[v] = append(byValue[v], a.Row(p))
			}
		}
	}
	var rows [][]float32
	for v, all := range byValue {
		keep := perValue
		if v == dataset.Background {
			keep *= h.cfg.Values - 1
		}
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, r := range all[:min(keep, len(all))] {
			rows = append(rows, r)
			h.cfg.Labels = append(h.cfg.Labels, v)
		}
	}
	return rows
}

// scaler is a net without layers, for its standardisation.
func scaler(width int) *net {
	n := &net{Sizes: []int{width}, mean: make([]float32, width), invStd: make([]float32, width)}
	for i := range n.invStd {
		n.invStd[i] = 1
	}
	return n
}

// valueOf is the mask value that a patch stands for, −1 where nothing is annotated.
func valueOf(share []float32) int {
	best := 0
	for v := 1; v < len(share); v++ {
		if share[v] >= 0.25 && (best == 0 || share[v] > share[best]) {
			best = v
		}
	}
	if best == 0 && share[0] == 0 {
		return argmaxPositive(share)
	}
	return best
}

// argmaxPositive is the index of the largest positive number, −1 if there is none.
func argmaxPositive(v []float32) int {
	if i := argmax(v); i >= 0 && v[i] > 0 {
		return i
	}
	return -1
}

func (h *DenseKNN) validate() error {
	c := h.cfg
	if c.K < 1 || len(h.bank) == 0 || c.Values < 2 || c.Values > 1<<16 || len(c.Labels) != len(h.bank) {
		return fmt.Errorf("head %s: k = %d with %d values and %d labels for %d patches", h.name, c.K, c.Values, len(c.Labels), len(h.bank))
	}
	for _, v := range c.Labels {
		if v < 0 || v >= c.Values {
			return fmt.Errorf("head %s: a patch of mask value %d of %d", h.name, v, c.Values)
		}
	}
	return c.Skips.validate(h.name)
}

// Name, Task and Taps implement [Head].
func (h *DenseKNN) Name() string        { return h.name }
func (h *DenseKNN) Task() Task          { return Segmentation }
func (h *DenseKNN) Taps() []encoder.Tap { return h.cfg.Skips.Taps }

// Predict implements [Head].
func (h *DenseKNN) Predict(in Input) (Output, error) {
	p, a, err := h.cfg.Skips.placed(h.name, in)
	if err != nil {
		return Output{}, err
	}
	scores := Matrix(a.Shape[0], h.cfg.Values, make([]float32, a.Shape[0]*h.cfg.Values))
	for t := range a.Shape[0] {
		near, err := nearest(h.bank, h.scale.scaled(a.Row(t)), h.cfg.K)
		if err != nil {
			return Output{}, fmt.Errorf("head %s: patch %d: %w", h.name, t, err)
		}
		copy(scores.Row(t), votes(near, h.cfg.Labels, h.cfg.Values))
	}
	return Output{Label: -1, Mask: p.maskFrom(scores)}, nil
}

func (h *DenseKNN) state() (*state, error) {
	return newState(kindDenseKNN, h.name, h.cfg, func(s *state) {
		h.scale.save(s, "")
		s.addRows("bank", h.bank)
	})
}

func loadDenseKNN(s *state) (Head, error) {
	h := &DenseKNN{name: s.Name}
	if err := s.config(&h.cfg); err != nil {
		return nil, err
	}
	var err error
	if h.bank, err = s.rowsOf("bank", h.cfg.Skips.width()); err != nil {
		return nil, err
	}
	if err := h.validate(); err != nil {
		return nil, err
	}
	h.scale, err = loadScaler(s, h.cfg.Skips.width())
	return h, err
}
