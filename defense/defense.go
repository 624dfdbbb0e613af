package defense

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
)

// Surrogate says what the vector-Jacobian product of a defended encoder is.
type Surrogate string

const (
	// Exact is the derivative of the defence itself (almost everywhere).
	Exact Surrogate = "exact"
	// StandIn is the derivative of a differentiable map close to the defence, taken at the same input while the
	// forward pass runs the defence itself.
	StandIn Surrogate = "stand-in"
	// Identity passes the gradient through as if the defence changed nothing (BPDA, arXiv 1802.00420 §4.1).
	Identity Surrogate = "identity"
)

// Defense turns an encoder into a defended one.
type Defense interface {
	// Name is the defence's kind, such as "jpeg".
	Name() string
	// String is the expression that Parse rebuilds the defence from, such as "jpeg(75)".
	fmt.Stringer
	// Random reports whether two draws of the same image may differ.
	Random() bool
	// Differentiable reports whether Surrogate is Exact.
	Differentiable() bool
	// Surrogate says what gradient the wrapped encoder gives.
	Surrogate() Surrogate
	// Wrap returns e behind the defence. Random choices depend on s, the defence's expression and the content of the
	// image, never on the batch. It fails if the defence's parameters are out of range or do not fit e.
	Wrap(e encoder.Encoder, s Stream) (encoder.Encoder, error)
}

// None is the absent defence: Wrap returns the encoder as it is.
type None struct{}

// Name and the rest implement [Defense].
func (None) Name() string         { return "none" }
func (None) String() string       { return "none" }
func (None) Random() bool         { return false }
func (None) Differentiable() bool { return true }
func (None) Surrogate() Surrogate { return Exact }

// Wrap returns e.
func (None) Wrap(e encoder.Encoder, _ Stream) (encoder.Encoder, error) { return e, nil }

// weaker returns the surrogate of a composition: exact only if both are, identity if either is.
func weaker(a, b Surrogate) Surrogate {
	switch {
	case a == Identity || b == Identity:
		return Identity
	case a == StandIn || b == StandIn:
		return StandIn
	}
	return Exact
}
