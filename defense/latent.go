package defense

import (
	"context"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// latent is an encoder whose embedding is mapped row by row; other taps pass unchanged.
type latent struct {
	inner encoder.Encoder
	name  string
	turn  func(z []float32) rotation
}

var (
	_ Drawer          = (*latent)(nil)
	_ encoder.Resizer = (*latent)(nil)
)

func (l *latent) Spec() encoder.Spec {
	s := l.inner.Spec()
	s.Name += " behind " + l.name
	return s
}

// Dynamic is true: the embedding is moved step by step for every image.
func (*latent) Dynamic() bool { return true }

func (l *latent) Draw(i uint64) encoder.Encoder {
	return &latent{drawOf(l.inner, i), l.name, l.turn}
}

func (l *latent) AtSize(h, w int) (encoder.Encoder, error) {
	inner, err := encoder.AtSize(l.inner, h, w)
	if err != nil {
		return nil, err
	}
	return &latent{inner, l.name, l.turn}, nil
}

func (l *latent) Trace(ctx context.Context, images []*tensor.Dense, taps ...encoder.Tap) (encoder.Trace, error) {
	tr, err := l.inner.Trace(ctx, images, taps...)
	if err != nil {
		return nil, err
	}
	t := &latentTrace{Trace: tr, taps: taps}
	for i, tap := range taps {
		if tap != encoder.Embedding || t.maps != nil {
			continue
		}
		var out []float32
		for _, z := range rows(tr.Activation(i), len(images)) {
			m := l.turn(z)
			t.maps = append(t.maps, m)
			out = append(out, m.apply(z)...)
		}
		t.embedding = tensor.New(tensor.WithShape(tr.Activation(i).Shape().Clone()...), tensor.WithBacking(out))
	}
	return t, nil
}

type latentTrace struct {
	encoder.Trace
	taps      []encoder.Tap
	maps      []rotation
	embedding *tensor.Dense
}

func (t *latentTrace) Activation(i int) *tensor.Dense {
	if t.taps[i] == encoder.Embedding {
		return t.embedding
	}
	return t.Trace.Activation(i)
}

func (t *latentTrace) VJP(ctx context.Context, cotangents []*tensor.Dense) ([]*tensor.Dense, error) {
	cots := append([]*tensor.Dense(nil), cotangents...)
	for i, c := range cots {
		if c == nil || i >= len(t.taps) || t.taps[i] != encoder.Embedding {
			continue
		}
		var out []float32
		for b, g := range rows(c, len(t.maps)) {
			out = append(out, t.maps[b].adjoint(g)...)
		}
		cots[i] = tensor.New(tensor.WithShape(c.Shape().Clone()...), tensor.WithBacking(out))
	}
	return t.Trace.VJP(ctx, cots)
}
