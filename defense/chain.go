package defense

import (
	"strings"

	"github.com/plumbline-ml/plumbline/encoder"
)

// Chain applies defences in order: the image meets the first one first.
type Chain []Defense

// Name joins the names by +.
func (c Chain) Name() string {
	names := make([]string, len(c))
	for i, d := range c {
		names[i] = d.Name()
	}
	return strings.Join(names, "+")
}

func (c Chain) String() string {
	parts := make([]string, len(c))
	for i, d := range c {
		parts[i] = d.String()
	}
	return strings.Join(parts, "+")
}

// Random reports whether any link is random.
func (c Chain) Random() bool {
	for _, d := range c {
		if d.Random() {
			return true
		}
	}
	return false
}

// Surrogate is the weakest of the links'.
func (c Chain) Surrogate() Surrogate {
	s := Exact
	for _, d := range c {
		s = weaker(s, d.Surrogate())
	}
	return s
}

// Differentiable reports whether every link is.
func (c Chain) Differentiable() bool { return c.Surrogate() == Exact }

// Wrap puts the first link outermost.
func (c Chain) Wrap(e encoder.Encoder, s Stream) (encoder.Encoder, error) {
	for i := len(c) - 1; i >= 0; i-- {
		var err error
		if e, err = c[i].Wrap(e, s); err != nil {
			return nil, err
		}
	}
	return e, nil
}
