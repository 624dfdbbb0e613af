package defense

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/encoder"
)

// View is one picture that a purifier made of its source, with the way back for gradients.
type View struct {
	Picture
	// Pull adds to dsrc (the source's 3×H×W) the surrogate's gradient for dout (this view's 3×h×w). nil is the identity.
	Pull func(dsrc, dout []float32)
}

// pull adds v's gradient to dsrc.
func (v View) pull(dsrc, dout []float32) {
	if v.Pull != nil {
		v.Pull(dsrc, dout)
		return
	}
	for i, g := range dout {
		dsrc[i] += g
	}
}

// Traits are what a purifier declares of itself; see the methods of [Defense].
type Traits struct {
	Name      string
	Random    bool
	Resizes   bool // views may have another size than their source
	Surrogate Surrogate
}

// Purifier is a defence that changes the picture before the encoder sees it, knowing nothing of the encoder. It is
// immutable and safe for concurrent use.
type Purifier interface {
	// String is the expression that Parse rebuilds the purifier from.
	fmt.Stringer
	Traits() Traits
	// Validate reports the parameter that is out of range.
	Validate() error
	// Purify returns the views of src whose activations are averaged: one, but for ensembles. It does not change src.
	// rng is nil for purifiers that are not random.
	Purify(src Picture, rng *rand.Rand) ([]View, error)
}

// Purify makes a defence of a purifier.
func Purify(p Purifier) Defense { return purification{p} }

type purification struct{ Purifier }

func (d purification) Name() string         { return d.Traits().Name }
func (d purification) Random() bool         { return d.Traits().Random }
func (d purification) Surrogate() Surrogate { return d.Traits().Surrogate }
func (d purification) Differentiable() bool { return d.Surrogate() == Exact }

func (d purification) Wrap(e encoder.Encoder, s Stream) (encoder.Encoder, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	return newWrapped(e, s, d.String(), d.views), nil
}

func (d purification) views(ctx context.Context, _ encoder.Encoder, src []Picture, s Stream) ([][]View, error) {
	out := make([][]View, len(src))
	return out, parallel(ctx, len(src), func(i int) error {
		var rng *rand.Rand
		if d.Random() {
			rng = s.Rand(d.key(), src[i])
		}
		v, err := d.Purify(src[i], rng)
		if err != nil {
			return fmt.Errorf("defense: %s: image %d: %w", d, i, err)
		}
		out[i] = v
		return nil
	})
}

// key names the random stream: a purifier draws the same with either gradient.
func (d purification) key() string {
	if b, ok := d.Purifier.(bpda); ok {
		return b.Purifier.String()
	}
	return d.String()
}

// bpda gives a purifier's forward pass the identity as gradient.
type bpda struct{ Purifier }

// BPDA returns d with the identity as surrogate in place of its own: the second gradient an adaptive attacker tries
// against a purifier. It fails for defences that are no purifier and for those that change the picture's size.
func BPDA(d Defense) (Defense, error) {
	switch d := d.(type) {
	case None:
		return d, nil
	case purification:
		if d.Traits().Resizes {
			return nil, fmt.Errorf("defense: %s changes the picture's size: its gradient cannot be the identity", d)
		}
		return purification{bpda{d.Purifier}}, nil
	case Chain:
		out := make(Chain, len(d))
		for i, link := range d {
			b, err := BPDA(link)
			if err != nil {
				return nil, err
			}
			out[i] = b
		}
		return out, nil
	}
	return nil, fmt.Errorf("defense: %s is not a purifier: its gradient cannot be replaced by the identity", d)
}

func (b bpda) String() string { return "bpda(" + b.Purifier.String() + ")" }

func (b bpda) Traits() Traits {
	t := b.Purifier.Traits()
	t.Surrogate = Identity
	return t
}

func (b bpda) Purify(src Picture, rng *rand.Rand) ([]View, error) {
	views, err := b.Purifier.Purify(src, rng)
	for i := range views {
		views[i].Pull = nil
	}
	return views, err
}
