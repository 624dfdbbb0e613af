package head

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
)

const kindProtoBoxes = "protoboxes"

// PrototypeBoxes detects objects by matching patches with prototypes: each class's is the mean of the
// standardised, unit-length vectors of the patches in its boxes, background's that of the others. Patches
// nearest to the same class that touch form a detection; its score is the mean lead in cosine over background.
type PrototypeBoxes struct {
	name  string
	cfg   protoBoxConfig
	scale *net
	proto [][]float32 // background first; unit length, zero for a class without boxes
}

type protoBoxConfig struct {
	Skips   skips `json:"skips"`
	Classes int   `json:"classes"`
}

// NewPrototypeBoxes computes the prototypes. Patches belong to boxes as in [TrainBoxHead].
func NewPrototypeBoxes(name string, layout Layout, taps []encoder.Tap, feats []Features, classes int) (*PrototypeBoxes, error) {
	s, acts, err := joined(name, layout, taps, feats)
	if err != nil {
		return nil, err
	}
	h := &PrototypeBoxes{name: name, cfg: protoBoxConfig{s, classes}, scale: scaler(s.width()), proto: make([][]float32, classes+1)}
	var rows [][]float32
	for _, a := range acts {
		for k := range a.Shape[0] {
			rows = append(rows, a.Row(k))
		}
	}
	h.scale.standardise(rows)
	sums := make([][]float64, classes+1)
	for i, a := range acts {
		if err := h.addTo(sums, feats[i].Sample, a); err != nil {
			return nil, err
		}
	}
	for k, sum := range sums {
		h.proto[k] = make([]float32, s.width())
		for j, v := range sum {
			h.proto[k][j] = float32(v)
		}
		if n := norm2(h.proto[k]); n > 0 {
			for j, v := range h.proto[k] {
				h.proto[k][j] = float32(float64(v) / n)
			}
		}
	}
	if norm2(h.proto[0]) == 0 {
		return nil, fmt.Errorf("head %s: no patch lies outside all boxes", name)
	}
	return h, nil
}

func (h *PrototypeBoxes) addTo(sums [][]float64, s *dataset.Sample, a Activation) error {
	p, err := h.cfg.Skips.Layout.over(h.name, s.Width, s.Height)
	if err != nil {
		return err
	}
	owner, ignored := p.owners(s.Boxes)
	for k := range a.Shape[0] {
		at := 0
		if owner[k] >= 0 {
			at = 1 + s.Boxes[owner[k]].Class
		} else if ignored[k] {
			continue
		}
		if at < 0 || at >= len(sums) {
			return fmt.Errorf("head %s: image %s has a box of class %d of %d", h.name, s.ID, at-1, h.cfg.Classes)
		}
		if sums[at] == nil {
			sums[at] = make([]float64, a.Shape[1])
		}
		x := h.scale.scaled(a.Row(k))
		if n := norm2(x); n > 0 {
			for j, v := range x {
				sums[at][j] += float64(v) / n
			}
		}
	}
	return nil
}

// Name, Task and Taps implement [Head].
func (h *PrototypeBoxes) Name() string        { return h.name }
func (h *PrototypeBoxes) Task() Task          { return Detection }
func (h *PrototypeBoxes) Taps() []encoder.Tap { return h.cfg.Skips.Taps }

// Predict implements [Head].
func (h *PrototypeBoxes) Predict(in Input) (Output, error) {
	p, a, err := h.cfg.Skips.placed(h.name, in)
	if err != nil {
		return Output{}, err
	}
	value, lead := make([]int, a.Shape[0]), make([]float64, a.Shape[0])
	for k := range value {
		x := h.scale.scaled(a.Row(k))
		n := norm2(x)
		if !(n > 0) {
			return Output{}, fmt.Errorf("head %s: patch %d has length %v", h.name, k, n)
		}
		cos := make([]float32, len(h.proto))
		for i, proto := range h.proto {
			cos[i] = float32(dot(x, proto) / n)
			if i > 0 && dot(proto, proto) == 0 {
				cos[i] = -2
			}
		}
		value[k] = argmax(cos)
		lead[k] = float64(cos[max(value[k], 0)] - cos[0])
	}
	return Output{Label: -1, Detections: Suppress(p.regions(value, lead, touching), overlap)}, nil
}

func (h *PrototypeBoxes) state() (*state, error) {
	return newState(kindProtoBoxes, h.name, h.cfg, func(s *state) {
		h.scale.save(s, "")
		s.addRows("prototypes", h.proto)
	})
}

func loadProtoBoxes(s *state) (Head, error) {
	h := &PrototypeBoxes{name: s.Name}
	if err := s.config(&h.cfg); err != nil {
		return nil, err
	}
	if err := h.cfg.Skips.validate(s.Name); err != nil {
		return nil, err
	}
	var err error
	if h.proto, err = s.rowsOf("prototypes", h.cfg.Skips.width()); err != nil {
		return nil, err
	}
	if len(h.proto) != h.cfg.Classes+1 || h.cfg.Classes < 1 {
		return nil, fmt.Errorf("head %s: %d prototypes for %d classes", s.Name, len(h.proto), h.cfg.Classes)
	}
	h.scale, err = loadScaler(s, h.cfg.Skips.width())
	return h, err
}
