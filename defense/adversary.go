package defense

import (
	"context"
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// Adversary is an encoder whose gradients an attacker of a defended encoder follows.
type Adversary struct {
	Name    string // "adaptive", "bpda" or "transfer"
	Encoder encoder.Encoder
}

// Adversaries returns the encoders that an honest evaluation of d on e must attack: the defended encoder with its own
// surrogate ("adaptive"); with the identity as gradient, of the purifier where d is one that keeps the picture's size and
// has another surrogate of its own, of the whole defence otherwise ("bpda", see [BPDA] and [Straight]); the undefended
// encoder ("transfer"). Random defences are averaged over draws; the literature asks for 20 or more (arXiv 1802.00420).
// s must differ from the judge's stream, for the attacker does not know the judge's draws. Results of all of them count,
// image by image the worst.
func Adversaries(d Defense, e encoder.Encoder, s Stream, draws int) ([]Adversary, error) {
	if _, none := d.(None); none {
		return []Adversary{{"adaptive", e}}, nil
	}
	own, err := d.Wrap(e, s)
	if err != nil {
		return nil, err
	}
	out := []Adversary{{"adaptive", own}}
	identity, err := BPDA(d)
	switch {
	case err != nil:
		out = append(out, Adversary{"bpda", Straight(own, e)})
	case d.Surrogate() != Identity:
		b, err := identity.Wrap(e, s)
		if err != nil {
			return nil, err
		}
		out = append(out, Adversary{"bpda", b})
	}
	for i := range out {
		if !d.Random() {
			break
		}
		if out[i].Encoder, err = EOT(out[i].Encoder, draws); err != nil {
			return nil, fmt.Errorf("%w (%s)", err, d)
		}
	}
	return append(out, Adversary{"transfer", e}), nil
}

// Repeats reports whether e gives image the same activations at the tap when it is asked twice: a defence that says it
// is not random, and does not repeat, hides its randomness.
func Repeats(ctx context.Context, e encoder.Encoder, image *tensor.Dense, tap encoder.Tap) (bool, error) {
	var seen [2][]float32
	for i := range seen {
		a, err := encoder.Activations(ctx, e, []*tensor.Dense{image}, tap)
		if err != nil {
			return false, err
		}
		seen[i] = slices.Clone(a[0].Data().([]float32))
	}
	return slices.Equal(seen[0], seen[1]), nil
}

// Redrawn treats every trace of e as a draw of its own, for encoders whose randomness cannot be chosen: [EOT] then
// averages over traces.
func Redrawn(e encoder.Encoder) encoder.Encoder {
	if d, ok := e.(Drawer); ok {
		return d
	}
	return redrawn{e}
}

type redrawn struct{ encoder.Encoder }

// Dynamic is that of the encoder.
func (r redrawn) Dynamic() bool { return dynamic(r.Encoder) }

// Draw returns the encoder itself, whose next trace is another draw.
func (r redrawn) Draw(uint64) encoder.Encoder { return r }

func (r redrawn) AtSize(h, w int) (encoder.Encoder, error) {
	e, err := encoder.AtSize(r.Encoder, h, w)
	return redrawn{e}, err
}
