package head

import (
	"context"
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"gorgonia.org/tensor"
)

// Features are one image's activations with what is known about the image.
type Features struct {
	Acts   map[encoder.Tap]Activation
	Sample *dataset.Sample
}

// Input gives a head its taps.
func (f *Features) Input(taps []encoder.Tap) (Input, error) {
	in := Input{Acts: make([]Activation, len(taps)), Width: f.Sample.Width, Height: f.Sample.Height}
	for i, t := range taps {
		a, ok := f.Acts[t]
		if !ok {
			return in, fmt.Errorf("image %s: no activation at tap %q", f.Sample.ID, t)
		}
		in.Acts[i] = a
	}
	return in, nil
}

// extractBatch is how many images share a trace; results do not depend on it.
const extractBatch = 16

// Extract runs an encoder over loaded samples and copies the activations at the taps.
func Extract(ctx context.Context, e encoder.Encoder, samples []*dataset.Sample, taps []encoder.Tap) ([]Features, error) {
	out := make([]Features, 0, len(samples))
	for len(samples) > 0 {
		batch := samples[:min(extractBatch, len(samples))]
		samples = samples[len(batch):]
		images := make([]*tensor.Dense, len(batch))
		for i, s := range batch {
			if s.Image == nil {
				return nil, fmt.Errorf("image %s is not loaded", s.ID)
			}
			images[i] = s.Image
		}
		trace, err := e.Trace(ctx, images, taps...)
		if err != nil {
			return nil, err
		}
		for b, s := range batch {
			f := Features{Acts: make(map[encoder.Tap]Activation, len(taps)), Sample: s}
			for i, t := range taps {
				if f.Acts[t], err = RowOf(trace.Activation(i), b); err != nil {
					trace.Close()
					return nil, fmt.Errorf("tap %q: %w", t, err)
				}
			}
			out = append(out, f)
		}
		trace.Close()
	}
	return out, nil
}

// RowOf copies row b of a batched activation.
func RowOf(batch *tensor.Dense, b int) (Activation, error) {
	shape := batch.Shape()
	data, ok := batch.Data().([]float32)
	if !ok || len(shape) < 2 || b < 0 || b >= shape[0] {
		return Activation{}, fmt.Errorf("row %d of an activation of type %v and shape %v", b, batch.Dtype(), shape)
	}
	n := len(data) / shape[0]
	return Activation{Shape: append([]int(nil), shape[1:]...), Data: append([]float32(nil), data[b*n:(b+1)*n]...)}, nil
}
