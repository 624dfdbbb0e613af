package attacktest

import (
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// Head is a linear classifier on one tap: logits = W·a + b, for the embedding once, for token taps at
// every token after the first Skip.
type Head struct {
	Tap     encoder.Tap
	Width   int
	Skip    int
	classes int
	W, B    []float64
}

// NewHead returns a head of random weights.
func NewHead(seed uint64, tap encoder.Tap, width, classes int) *Head {
	rng := rand.New(rand.NewPCG(seed, 7))
	return &Head{Tap: tap, Width: width, classes: classes, W: fill64(rng, classes*width, 2), B: fill64(rng, classes, 0.1)}
}

// Taps implements attack.Classifier.
func (h *Head) Taps() []encoder.Tap { return []encoder.Tap{h.Tap} }

// Classes implements attack.Classifier.
func (h *Head) Classes() int { return h.classes }

// Logits implements attack.Classifier.
func (h *Head) Logits(dst []float64, acts []*tensor.Dense) ([]float64, error) {
	x := acts[0].Float32s()
	for at := h.Skip * h.Width; at < len(x); at += h.Width {
		for c := range h.classes {
			z := h.B[c]
			for k := range h.Width {
				z += h.W[c*h.Width+k] * float64(x[at+k])
			}
			dst = append(dst, z)
		}
	}
	return dst, nil
}

// VJP implements attack.Classifier.
func (h *Head) VJP(cot []*tensor.Dense, acts []*tensor.Dense, dlogits []float64) error {
	g := cot[0].Float32s()
	clear(g)
	n := 0
	for at := h.Skip * h.Width; at < len(g); at += h.Width {
		for k := range h.Width {
			s := 0.0
			for c := range h.classes {
				s += h.W[c*h.Width+k] * dlogits[n*h.classes+c]
			}
			g[at+k] = float32(s)
		}
		n++
	}
	return nil
}
