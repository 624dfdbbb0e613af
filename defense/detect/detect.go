// Package detect holds detectors of adversarial pictures. A detector looks at activations of one or two encoders, plain
// and behind purifiers, and returns one score, larger meaning more suspicious.
//
// Every score has a gradient at the pixels ([Detector.Gradient]), so that an attack can avoid detection as well as fool
// the system: a detector is only worth what it is worth against that attack (Carlini and Wagner, arXiv 1705.07263).
package detect

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/encoder"
)

// Detector is a score of activations. It is immutable and safe for concurrent use.
type Detector struct {
	name    string
	terms   []term
	measure measure
}

var _ defense.Detector = (*Detector)(nil)

// term is one forward pass that a detector looks at.
type term struct {
	enc  encoder.Encoder
	taps []encoder.Tap
}

// activation is one picture's value at a tap: T×D for tokens, E for embeddings.
type activation struct {
	shape []int
	v     []float32
}

// measure returns the score of one picture from x[term][tap] and, if want, the gradient at every value.
type measure func(x [][]activation, want bool) (score float64, grad [][][]float64)

func (d *Detector) String() string { return d.name }

// Scores returns the score of every picture.
func (d *Detector) Scores(ctx context.Context, images []*tensor.Dense) ([]float64, error) {
	acts := make([][][]activation, len(images)) // image, term, tap
	for _, t := range d.terms {
		tr, err := t.enc.Trace(ctx, images, t.taps...)
		if err != nil {
			return nil, fmt.Errorf("detect: %s: %w", d.name, err)
		}
		for b, row := range split(tr, len(t.taps), len(images)) {
			acts[b] = append(acts[b], row)
		}
		tr.Close()
	}
	out := make([]float64, len(images))
	for b := range out {
		out[b], _ = d.measure(acts[b], false)
	}
	return out, nil
}

// split copies the activations of a trace picture by picture.
func split(tr encoder.Trace, taps, images int) [][]activation {
	out := make([][]activation, images)
	for i := range taps {
		a := tr.Activation(i)
		data := a.Data().([]float32)
		n := len(data) / images
		for b := range out {
			out[b] = append(out[b], activation{slices.Clone(a.Shape()[1:]), slices.Clone(data[b*n : (b+1)*n])})
		}
	}
	return out
}

// Gradient returns the score of one picture and its gradient at the pixels (3×H×W).
func (d *Detector) Gradient(ctx context.Context, image *tensor.Dense) (float64, *tensor.Dense, error) {
	var acts [][]activation
	var traces []encoder.Trace
	defer func() {
		for _, tr := range traces {
			tr.Close()
		}
	}()
	for _, t := range d.terms {
		tr, err := t.enc.Trace(ctx, []*tensor.Dense{image}, t.taps...)
		if err != nil {
			return 0, nil, fmt.Errorf("detect: %s: %w", d.name, err)
		}
		traces = append(traces, tr)
		acts = append(acts, split(tr, len(t.taps), 1)[0])
	}
	score, grad := d.measure(acts, true)
	sum := tensor.New(tensor.WithShape(image.Shape().Clone()...), tensor.Of(tensor.Float32))
	out := sum.Data().([]float32)
	for i, tr := range traces {
		g, err := tr.VJP(ctx, cotangents(grad[i], acts[i]))
		if err != nil {
			return 0, nil, fmt.Errorf("detect: %s: %w", d.name, err)
		}
		for k, v := range g[0].Data().([]float32) {
			out[k] += v
		}
	}
	return score, sum, nil
}

// cotangents shapes gradients like the activations of a batch of one; nil stays nil.
func cotangents(grad [][]float64, acts []activation) []*tensor.Dense {
	out := make([]*tensor.Dense, len(acts))
	for k, g := range grad {
		if g == nil {
			continue
		}
		v := make([]float32, len(g))
		for i, x := range g {
			v[i] = float32(x)
		}
		out[k] = tensor.New(tensor.WithShape(append([]int{1}, acts[k].shape...)...), tensor.WithBacking(v))
	}
	return out
}

// collect runs e on pictures in small batches and returns the activations of each.
func collect(ctx context.Context, e encoder.Encoder, images []*tensor.Dense, taps ...encoder.Tap) ([][]activation, error) {
	if len(images) == 0 {
		return nil, errors.New("clean pictures are missing")
	}
	var out [][]activation
	for part := range slices.Chunk(images, 16) {
		tr, err := e.Trace(ctx, part, taps...)
		if err != nil {
			return nil, err
		}
		out = append(out, split(tr, len(taps), len(part))...)
		tr.Close()
	}
	return out, nil
}

// patches returns the patch tokens of a T×D activation: those after the prefix.
func (a activation) patches(prefix int) (tokens [][]float32, err error) {
	if len(a.shape) != 2 || a.shape[0] <= prefix {
		return nil, fmt.Errorf("an activation of shape %v has no patch tokens after %d prefix tokens", a.shape, prefix)
	}
	d := a.shape[1]
	for t := prefix; t < a.shape[0]; t++ {
		tokens = append(tokens, a.v[t*d:(t+1)*d])
	}
	return tokens, nil
}

// checkTokens reports taps of e that are not token taps, before a detector is built on them.
func checkTokens(ctx context.Context, e encoder.Encoder, sample *tensor.Dense, taps ...encoder.Tap) error {
	acts, err := collect(ctx, e, []*tensor.Dense{sample}, taps...)
	if err != nil {
		return err
	}
	for i, a := range acts[0] {
		if _, err := a.patches(e.Spec().Prefix()); err != nil {
			return fmt.Errorf("tap %s: %w", taps[i], err)
		}
	}
	return nil
}
