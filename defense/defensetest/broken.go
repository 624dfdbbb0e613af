package defensetest

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/encoder"
)

// Broken is a defence that does not defend, with what an honest evaluation must notice about it.
type Broken struct {
	defense.Defense
	// Symptom says how it is unmasked.
	Symptom string
}

// BrokenDefenses are defences that look good under a careless evaluation: their gradients are zero, noise, or scaled to
// nothing, or they are random and deny it. An evaluation that believes one of them is itself broken (the symptoms are those
// of Athalye, Carlini, Wagner, arXiv 1802.00420 §3).
func BrokenDefenses() []Broken {
	return []Broken{
		{veil{defense.Purify(defense.Gaussian{Sigma: 1}), "blur", false, pass}, "the adaptive attack breaks it"},
		{veil{defense.Purify(defense.BitDepth{Bits: 3}), "quantise", false, zero}, "gradients are zero; BPDA and black-box attacks break it"},
		{veil{defense.None{}, "masked-gradient", false, scramble}, "black-box and transfer attacks beat the white-box attack"},
		{veil{defense.None{}, "shattered-gradient", false, tiny}, "gradients underflow; a transfer attack breaks it"},
		{veil{defense.Purify(defense.Noise{Eps: 16.0 / 255}), "random-wrapper", true, pass}, "it is random although it says that it is not; averaging breaks it"},
		{veil{defense.None{}, "no-gradient", false, refuse}, "it refuses gradients; the identity in their place breaks it"},
	}
}

// veil hides what a defence does: gradients go through change, and randomness is denied if so told.
type veil struct {
	defense.Defense
	name   string
	denies bool
	change func(g []float32) error
}

func (v veil) Name() string                 { return v.name }
func (v veil) String() string               { return v.name }
func (v veil) Random() bool                 { return v.Defense.Random() && !v.denies }
func (v veil) Differentiable() bool         { return true }
func (v veil) Surrogate() defense.Surrogate { return defense.Exact }

// Wrap draws anew at every call of Trace where randomness is denied.
func (v veil) Wrap(e encoder.Encoder, s defense.Stream) (encoder.Encoder, error) {
	w, err := v.Defense.Wrap(e, s)
	if err != nil {
		return nil, err
	}
	return &veiled{w, v}, nil
}

type veiled struct {
	encoder.Encoder
	veil veil
}

func (e *veiled) Trace(ctx context.Context, images []*tensor.Dense, taps ...encoder.Tap) (encoder.Trace, error) {
	enc := e.Encoder
	if d, ok := enc.(defense.Drawer); ok && e.veil.denies {
		enc = d.Draw(rand.Uint64())
	}
	tr, err := enc.Trace(ctx, images, taps...)
	if err != nil {
		return nil, err
	}
	return &veiledTrace{tr, e.veil.change}, nil
}

type veiledTrace struct {
	encoder.Trace
	change func(g []float32) error
}

func (t *veiledTrace) VJP(ctx context.Context, c []*tensor.Dense) ([]*tensor.Dense, error) {
	g, err := t.Trace.VJP(ctx, c)
	if err != nil {
		return nil, err
	}
	out := make([]*tensor.Dense, len(g))
	for i := range g {
		out[i] = g[i].Clone().(*tensor.Dense)
		if err := t.change(out[i].Data().([]float32)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func pass([]float32) error { return nil }

func zero(g []float32) error {
	clear(g)
	return nil
}

// scramble keeps the sizes of the values and gives them signs that depend on their bits alone.
func scramble(g []float32) error {
	for i, v := range g {
		if (math.Float32bits(v)>>3^uint32(i)*2654435761>>7)&1 == 1 {
			g[i] = -v
		}
	}
	return nil
}

// tiny scales gradients below the smallest float32.
func tiny(g []float32) error {
	for i := range g {
		g[i] = g[i] * 1e-30 * 1e-30
	}
	return nil
}

// refuse is a defence that was never meant to be differentiated.
func refuse([]float32) error { return errNoGradient }

var errNoGradient = errors.New("defensetest: this defence has no gradient")
