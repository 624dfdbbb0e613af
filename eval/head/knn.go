package head

import (
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/encoder"
)

const kindKNN = "knn"

// KNN classifies an image by its nearest neighbours in cosine: each of the k nearest votes for its class with
// weight exp((cos−1)/T), T = 0.07 (Wu et al., arXiv 1805.01978, §3.4; used by DINO, arXiv 2104.14294). Scores
// are the shares of the vote.
type KNN struct {
	name string
	cfg  knnConfig
	bank [][]float32 // unit length
}

type knnConfig struct {
	Source  Source `json:"source"`
	K       int    `json:"k"`
	Classes int    `json:"classes"`
	Labels  []int  `json:"labels"`
}

const knnTemperature = 0.07

// NewKNN keeps the features of labelled images. k is cut to their number.
func NewKNN(name string, src Source, feats []Features, classes, k int) (*KNN, error) {
	rows, err := src.rows(name, feats)
	if err != nil {
		return nil, err
	}
	labels := make([]int, len(feats))
	for i := range feats {
		labels[i] = feats[i].Sample.Label
	}
	return buildKNN(name, knnConfig{src, k, classes, labels}, rows)
}

func buildKNN(name string, cfg knnConfig, rows [][]float32) (*KNN, error) {
	if err := cfg.Source.validate(name); err != nil {
		return nil, err
	}
	if cfg.K < 1 || cfg.Classes < 1 || cfg.Classes > 1<<20 || len(cfg.Labels) != len(rows) {
		return nil, fmt.Errorf("head %s: k = %d with %d classes and %d labels for %d images", name, cfg.K, cfg.Classes, len(cfg.Labels), len(rows))
	}
	for i, l := range cfg.Labels {
		if l < 0 || l >= cfg.Classes {
			return nil, fmt.Errorf("head %s: image %d has class %d of %d", name, i, l, cfg.Classes)
		}
	}
	bank, err := unitRows(rows)
	if err != nil {
		return nil, fmt.Errorf("head %s: %w", name, err)
	}
	cfg.K = min(cfg.K, len(bank))
	return &KNN{name: name, cfg: cfg, bank: bank}, nil
}

// Name, Task and Taps implement [Head].
func (h *KNN) Name() string        { return h.name }
func (h *KNN) Task() Task          { return Classification }
func (h *KNN) Taps() []encoder.Tap { return []encoder.Tap{h.cfg.Source.Tap} }

// Predict implements [Head].
func (h *KNN) Predict(in Input) (Output, error) {
	x, err := h.cfg.Source.vector(h.name, in, 0)
	if err != nil {
		return Output{}, err
	}
	near, err := nearest(h.bank, x, h.cfg.K)
	if err != nil {
		return Output{}, fmt.Errorf("head %s: %w", h.name, err)
	}
	return classified(votes(near, h.cfg.Labels, h.cfg.Classes)), nil
}

func votes(near []neighbour, labels []int, classes int) []float32 {
	vote := make([]float64, classes)
	var all float64
	for _, n := range near {
		w := math.Exp((n.cos - 1) / knnTemperature)
		vote[labels[n.index]] += w
		all += w
	}
	out := make([]float32, classes)
	for k, v := range vote {
		out[k] = float32(v / all)
	}
	return out
}

type neighbour struct {
	index int
	cos   float64
}

// nearest are the k rows of largest cosine with x, best first, ties by index. Rows have unit length.
func nearest(bank [][]float32, x []float32, k int) ([]neighbour, error) {
	n := norm2(x)
	if !(n > 0) || math.IsInf(n, 0) {
		return nil, fmt.Errorf("a vector of length %v has no neighbours", n)
	}
	best := make([]neighbour, 0, k+1)
	for i, b := range bank {
		cos := dot(b, x) / n
		if len(best) == k && cos <= best[k-1].cos {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, cos, func(b neighbour, cos float64) int {
			if b.cos >= cos { // equal ones stay in order of index
				return -1
			}
			return 1
		})
		best = slices.Insert(best, at, neighbour{i, cos})
		best = best[:min(len(best), k)]
	}
	return best, nil
}

func (h *KNN) state() (*state, error) {
	return newState(kindKNN, h.name, h.cfg, func(s *state) {
		s.addRows("bank", h.bank)
	})
}

func loadKNN(s *state) (Head, error) {
	var cfg knnConfig
	if err := s.config(&cfg); err != nil {
		return nil, err
	}
	rows, err := s.rowsOf("bank", cfg.Source.Width)
	if err != nil {
		return nil, err
	}
	h, err := buildKNN(s.Name, cfg, rows)
	if err != nil {
		return nil, err
	}
	h.bank = rows // of unit length already: the same bits as when saved
	return h, nil
}
