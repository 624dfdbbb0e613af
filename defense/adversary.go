package defense

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
)

// Adversary is an encoder whose gradients an attacker of a defended encoder follows.
type Adversary struct {
	Name    string // "adaptive", "bpda" or "transfer"
	Encoder encoder.Encoder
}

// Adversaries returns the encoders that an honest evaluation of d on e must attack: the defended encoder with its own
// surrogate ("adaptive"); with the identity as gradient where the defence is a purifier that keeps the size and has a
// surrogate of its own ("bpda"); the undefended encoder ("transfer"). Random defences are averaged over draws; the
// literature asks for 20 or more (arXiv 1802.00420). s must differ from the judge's stream, for the attacker does not know
// the judge's draws. Results of all of them count, image by image the worst.
func Adversaries(d Defense, e encoder.Encoder, s Stream, draws int) ([]Adversary, error) {
	if _, none := d.(None); none {
		return []Adversary{{"adaptive", e}}, nil
	}
	own, err := attackable(d, e, s, draws)
	if err != nil {
		return nil, err
	}
	out := []Adversary{{"adaptive", own}}
	if identity, err := BPDA(d); err == nil && d.Surrogate() != Identity {
		b, err := attackable(identity, e, s, draws)
		if err != nil {
			return nil, err
		}
		out = append(out, Adversary{"bpda", b})
	}
	return append(out, Adversary{"transfer", e}), nil
}

// attackable wraps e and averages what is random.
func attackable(d Defense, e encoder.Encoder, s Stream, draws int) (encoder.Encoder, error) {
	w, err := d.Wrap(e, s)
	if err != nil || !d.Random() {
		return w, err
	}
	if w, err = EOT(w, draws); err != nil {
		return nil, fmt.Errorf("%w (%s)", err, d)
	}
	return w, nil
}
