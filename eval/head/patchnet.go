package head

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
)

// patchNet is a net on every patch's vector: what dense and box heads have in common.
type patchNet struct {
	name  string
	skips skips
	net   *net
}

// Name and Taps implement [Head].
func (p patchNet) Name() string        { return p.name }
func (p patchNet) Taps() []encoder.Tap { return p.skips.Taps }

func (p patchNet) outputs() int { return p.net.Sizes[len(p.net.Sizes)-1] }

// Scores implements [Differentiable]: the net's outputs, patch by patch.
func (p patchNet) Scores(in Input) (Activation, error) {
	a, err := p.skips.vectors(p.name, in)
	if err != nil {
		return a, err
	}
	y, _ := p.net.forward(a.Data)
	return Matrix(a.Shape[0], p.outputs(), y), nil
}

// VJP implements [Differentiable].
func (p patchNet) VJP(in Input, dScores []float32) ([]Activation, error) {
	a, err := p.skips.vectors(p.name, in)
	if err != nil {
		return nil, err
	}
	if err := checkCotangent(p.name, dScores, a.Shape[0]*p.outputs()); err != nil {
		return nil, err
	}
	_, pre := p.net.forward(a.Data)
	return p.skips.back(in, Matrix(a.Shape[0], a.Shape[1], p.net.vjp(pre, dScores))), nil
}

// state describes a head of a kind whose configuration is config.
func (p patchNet) stateOf(kind string, config any) (*state, error) {
	return newState(kind, p.name, config, func(s *state) { p.net.save(s, "") })
}

// loadPatchNet reads the configuration into config, of which parts then gives the skips and the net's sizes.
func loadPatchNet(s *state, config any, parts func() (skips, []int, error)) (patchNet, error) {
	p := patchNet{name: s.Name}
	if err := s.config(config); err != nil {
		return p, err
	}
	var sizes []int
	var err error
	if p.skips, sizes, err = parts(); err != nil {
		return p, fmt.Errorf("head %s: %w", s.Name, err)
	}
	if err := p.skips.validate(s.Name); err != nil {
		return p, err
	}
	if len(sizes) == 0 || sizes[0] != p.skips.width() {
		return p, fmt.Errorf("head %s: net of %v on taps of %d features", s.Name, sizes, p.skips.width())
	}
	p.net, err = loadNet(s, "", sizes)
	return p, err
}

// placed gives the patches' places in the source image and their vectors.
func (s skips) placed(head string, in Input) (placed, Activation, error) {
	p, err := s.Layout.over(head, in.Width, in.Height)
	if err != nil {
		return p, Activation{}, err
	}
	a, err := s.vectors(head, in)
	return p, a, err
}
