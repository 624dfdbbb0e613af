package detect

import (
	"context"
	"fmt"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// Tap names the detector's score (B×1) in an encoder that [Expose] returned.
const Tap encoder.Tap = "detector"

// Expose returns e with the detector's score as one more tap. An attack whose objective lowers that tap while it raises
// its own aim avoids detection: the detector-aware attack. The traces of the detector are extra passes.
func Expose(e encoder.Encoder, d *Detector) encoder.Encoder { return &exposed{e, d} }

type exposed struct {
	encoder.Encoder
	d *Detector
}

func (e *exposed) Spec() encoder.Spec {
	s := e.Encoder.Spec()
	s.Name += " beside " + e.d.name
	return s
}

func (e *exposed) Trace(ctx context.Context, images []*tensor.Dense, taps ...encoder.Tap) (encoder.Trace, error) {
	t := &exposedTrace{d: e.d, at: make([]int, len(taps))}
	for _, img := range images { // the score's gradient is taken here even if the caller changes his images
		t.images = append(t.images, img.Clone().(*tensor.Dense))
	}
	var rest []encoder.Tap
	for i, tap := range taps {
		t.at[i] = len(rest)
		if tap == Tap {
			t.at[i] = -1
			continue
		}
		rest = append(rest, tap)
	}
	if len(rest) < len(taps) {
		scores, err := e.d.Scores(ctx, images)
		if err != nil {
			return nil, err
		}
		v := make([]float32, len(scores))
		for i, s := range scores {
			v[i] = float32(s)
		}
		t.scores = tensor.New(tensor.WithShape(len(v), 1), tensor.WithBacking(v))
	}
	if len(rest) == 0 {
		return t, nil
	}
	var err error
	t.inner, err = e.Encoder.Trace(ctx, images, rest...)
	if err != nil {
		return nil, err
	}
	return t, nil
}

type exposedTrace struct {
	d      *Detector
	images []*tensor.Dense
	inner  encoder.Trace // nil if only the score is asked for
	at     []int         // place of each tap in inner, −1 for the score
	scores *tensor.Dense
}

func (t *exposedTrace) Activation(i int) *tensor.Dense {
	if t.at[i] < 0 {
		return t.scores
	}
	return t.inner.Activation(t.at[i])
}

func (t *exposedTrace) VJP(ctx context.Context, cotangents []*tensor.Dense) ([]*tensor.Dense, error) {
	if len(cotangents) != len(t.at) {
		return nil, fmt.Errorf("detect: %d cotangents for %d taps", len(cotangents), len(t.at))
	}
	var rest []*tensor.Dense
	weight := make([]float32, len(t.images)) // cotangents of the score
	for i, c := range cotangents {
		if t.at[i] >= 0 {
			rest = append(rest, c)
			continue
		}
		if c == nil {
			continue
		}
		for b, v := range c.Data().([]float32) {
			weight[b] += v
		}
	}
	sum := make([]*tensor.Dense, len(t.images))
	for b, img := range t.images {
		sum[b] = tensor.New(tensor.WithShape(img.Shape().Clone()...), tensor.Of(tensor.Float32))
	}
	if t.inner != nil {
		g, err := t.inner.VJP(ctx, rest)
		if err != nil {
			return nil, err
		}
		for b := range sum {
			addWeighted(sum[b], 1, g[b])
		}
	}
	for b, w := range weight {
		if w == 0 {
			continue
		}
		_, g, err := t.d.Gradient(ctx, t.images[b])
		if err != nil {
			return nil, err
		}
		addWeighted(sum[b], w, g)
	}
	return sum, nil
}

func addWeighted(sum *tensor.Dense, w float32, g *tensor.Dense) {
	dst := sum.Data().([]float32)
	for i, v := range g.Data().([]float32) {
		dst[i] += w * v
	}
}

func (t *exposedTrace) Close() {
	if t.inner != nil {
		t.inner.Close()
	}
}
