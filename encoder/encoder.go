// Package encoder turns images into the tokens of a vision encoder read from ONNX, and turns
// cotangents of those tokens back into gradients at the pixels.
//
// Images are RGB, planar 3×H×W, float32 in [0,1], at their source resolution: resizing, cropping and
// normalisation belong to the encoder ([Preprocess]) and lie inside the differentiated function.
package encoder

import (
	"context"
	"fmt"

	"gorgonia.org/tensor"
)

// Encoder is a differentiable vision encoder. It is immutable and safe for concurrent use.
type Encoder interface {
	// Spec states the geometry, the token layout and the preprocessing.
	Spec() Spec

	// Trace runs one forward pass on images (each 3×H×W in [0,1], sizes may differ) and keeps what
	// its VJP needs. Row b of every activation depends on image b only, bit for bit.
	Trace(ctx context.Context, images []*tensor.Dense, taps ...Tap) (Trace, error)
}

// Trace is one forward pass, kept. It is not safe for concurrent use.
type Trace interface {
	// Activation returns the value at the i-th tap given to Trace: B×T×D for token taps (prefix
	// tokens first), B×E for [Embedding], B×C×H×W for convolutional stages. It is the trace's own
	// memory, valid until Close.
	Activation(i int) *tensor.Dense

	// VJP returns, for each image b, the gradient at its source pixels (3×H×W) of
	// Σ_i ⟨cotangents[i], activation i⟩. cotangents[i] belongs to the i-th tap, has its shape, and
	// may be nil for zero. The result is the trace's own memory, valid until the next VJP or Close.
	VJP(ctx context.Context, cotangents []*tensor.Dense) ([]*tensor.Dense, error)

	// Close hands the trace's memory back to the encoder for reuse.
	Close()
}

// Resizer is implemented by encoders that can run at another input size, with the position embedding
// interpolated bicubically and no resizing or cropping before it: the encoder returned takes images of
// exactly h×w pixels.
type Resizer interface {
	AtSize(h, w int) (Encoder, error)
}

// AtSize returns e at an input of h×w pixels (see [Resizer]), or an error that says e cannot do it.
func AtSize(e Encoder, h, w int) (Encoder, error) {
	r, ok := e.(Resizer)
	if !ok {
		return nil, fmt.Errorf("encoder: %s cannot run at %d×%d: it has a fixed input size", e.Spec().Name, h, w)
	}
	return r.AtSize(h, w)
}
