package head

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
)

const kindProbe = "probe"

// Probe classifies an image by a net on its feature vector: a linear probe with no hidden layer, an MLP with
// some.
type Probe struct {
	name string
	cfg  probeConfig
	net  *net
}

type probeConfig struct {
	Source Source `json:"source"`
	Sizes  []int  `json:"sizes"`
}

// TrainProbe fits a probe to the labels 0..classes-1 by cross-entropy. Images of rarer classes weigh more, so
// that every class weighs the same. hidden gives the widths of the hidden layers; none makes a linear probe.
func TrainProbe(name string, src Source, feats []Features, classes int, hidden []int, how Training) (*Probe, error) {
	rows, err := src.rows(name, feats)
	if err != nil {
		return nil, err
	}
	labels := make([]int, len(feats))
	for i := range feats {
		labels[i] = feats[i].Sample.Label
		if labels[i] < 0 || labels[i] >= classes {
			return nil, fmt.Errorf("head %s: image %s has class %d of %d", name, feats[i].Sample.ID, labels[i], classes)
		}
	}
	n, err := trainClassifier(rows, labels, classes, hidden, how)
	if err != nil {
		return nil, fmt.Errorf("head %s: %w", name, err)
	}
	return &Probe{name: name, cfg: probeConfig{src, n.Sizes}, net: n}, nil
}

// trainClassifier fits a net with the given hidden widths to labels, classes balanced.
func trainClassifier(rows [][]float32, labels []int, classes int, hidden []int, how Training) (*net, error) {
	if len(rows) == 0 {
		return nil, fmt.Errorf("no training data")
	}
	sizes := append(append([]int{len(rows[0])}, hidden...), classes)
	n, err := newNet(sizes, how.Seed)
	if err != nil {
		return nil, err
	}
	return n, n.fit(&targets{x: rows, classes: balanced(labels, classes)}, how)
}

// balanced gives every row the weight n/(classes present · rows of its class) on its class.
func balanced(labels []int, classes int) [][]float32 {
	count := make([]float64, classes)
	present := 0.0
	for _, k := range labels {
		if count[k] == 0 {
			present++
		}
		count[k]++
	}
	out := make([][]float32, len(labels))
	for i, k := range labels {
		out[i] = make([]float32, classes)
		out[i][k] = float32(float64(len(labels)) / (present * count[k]))
	}
	return out
}

// Name, Task and Taps implement [Head].
func (p *Probe) Name() string        { return p.name }
func (p *Probe) Task() Task          { return Classification }
func (p *Probe) Taps() []encoder.Tap { return []encoder.Tap{p.cfg.Source.Tap} }

// Predict implements [Head].
func (p *Probe) Predict(in Input) (Output, error) { return predictClass(p, in) }

// Scores implements [Differentiable]: one logit per class.
func (p *Probe) Scores(in Input) (Activation, error) {
	x, err := p.cfg.Source.vector(p.name, in, 0)
	if err != nil {
		return Activation{}, err
	}
	out, _ := p.net.forward(x)
	return Vector(out), nil
}

// VJP implements [Differentiable].
func (p *Probe) VJP(in Input, dScores []float32) ([]Activation, error) {
	x, err := p.cfg.Source.vector(p.name, in, 0)
	if err != nil {
		return nil, err
	}
	if err := checkCotangent(p.name, dScores, p.cfg.Sizes[len(p.cfg.Sizes)-1]); err != nil {
		return nil, err
	}
	_, pre := p.net.forward(x)
	return []Activation{p.cfg.Source.back(in, 0, p.net.vjp(pre, dScores))}, nil
}

// Decisions implements [Attackable]: one choice among the classes.
func (p *Probe) Decisions(_ []Output, t Truth) ([]Decisions, error) {
	return ofClass(p.name, p.cfg.Sizes[len(p.cfg.Sizes)-1], t)
}

func (p *Probe) state() (*state, error) {
	return newState(kindProbe, p.name, p.cfg, func(s *state) {
		p.net.save(s, "")
	})
}

func loadProbe(s *state) (Head, error) {
	p := &Probe{name: s.Name}
	if err := s.config(&p.cfg); err != nil {
		return nil, err
	}
	if err := p.cfg.Source.validate(s.Name); err != nil {
		return nil, err
	}
	var err error
	if p.net, err = loadNet(s, "", p.cfg.Sizes); err != nil {
		return nil, err
	}
	if p.cfg.Sizes[0] != p.cfg.Source.Width {
		return nil, fmt.Errorf("head %s: net for %d features on a source of %d", s.Name, p.cfg.Sizes[0], p.cfg.Source.Width)
	}
	return p, nil
}
