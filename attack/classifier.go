package attack

import (
	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// Classifier is a differentiable head on an encoder's activations. It is immutable and safe for
// concurrent use. One image is served at a time; its activations have batch 1.
//
// A head has one or more positions (one for an image label, one per pixel or per box otherwise), each
// with Classes logits. A head of one class is a single logit z or an anomaly score: label 1 says z > 0
// is right, label 0 that z ≤ 0 is.
type Classifier interface {
	Taps() []encoder.Tap
	Classes() int
	// Logits appends the logits, position by position, to dst.
	Logits(dst []float64, acts []*tensor.Dense) ([]float64, error)
	// VJP writes to cot[k] (the shape of acts[k]) the gradient at activation k of Σ dlogits·logits.
	VJP(cot []*tensor.Dense, acts []*tensor.Dense, dlogits []float64) error
}
