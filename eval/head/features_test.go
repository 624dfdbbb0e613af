package head

import (
	"context"
	"fmt"
	"image"
	"math"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"gorgonia.org/tensor"
)

// stub is an encoder whose embedding is the image's first pixel and its size.
type stub struct{ open *int }

func (stub) Spec() encoder.Spec { return encoder.Spec{Name: "stub"} }

func (s stub) Trace(_ context.Context, images []*tensor.Dense, taps ...encoder.Tap) (encoder.Trace, error) {
	if len(taps) != 1 || taps[0] != encoder.Embedding {
		return nil, fmt.Errorf("stub has no taps %v", taps)
	}
	*s.open++
	var data []float32
	for _, img := range images {
		data = append(data, img.Data().([]float32)[0], float32(img.Shape()[2]))
	}
	return &stubTrace{s.open, tensor.New(tensor.WithShape(len(images), 2), tensor.WithBacking(data))}, nil
}

type stubTrace struct {
	open *int
	act  *tensor.Dense
}

func (t *stubTrace) Activation(int) *tensor.Dense { return t.act }
func (t *stubTrace) VJP(context.Context, []*tensor.Dense) ([]*tensor.Dense, error) {
	return nil, nil
}

// Close spoils the activation, as an encoder that reuses its memory would.
func (t *stubTrace) Close() {
	*t.open--
	clear(t.act.Data().([]float32))
}

func TestExtractCopiesEveryBatch(t *testing.T) {
	var samples []*dataset.Sample
	for i := range 2*extractBatch + 3 {
		s := &dataset.Sample{ID: fmt.Sprint(i)}
		p := image.NewNRGBA(image.Rect(0, 0, 2+i, 2))
		p.Pix[0] = uint8(i)
		if err := s.SetPixels(p); err != nil {
			t.Fatal(err)
		}
		samples = append(samples, s)
	}
	open := 0
	feats, err := Extract(t.Context(), stub{&open}, samples, []encoder.Tap{encoder.Embedding})
	if err != nil || len(feats) != len(samples) || open != 0 {
		t.Fatalf("%d features, %d open traces, %v", len(feats), open, err)
	}
	for i, f := range feats {
		if a := f.Acts[encoder.Embedding]; a.Data[0] != float32(i)/255 || a.Data[1] != float32(2+i) || f.Sample != samples[i] {
			t.Errorf("image %d has %v", i, a)
		}
	}
	if _, err := Extract(t.Context(), stub{&open}, samples, []encoder.Tap{encoder.Tokens}); err == nil {
		t.Error("a tap that the encoder lacks was accepted")
	}
	if _, err := Extract(t.Context(), stub{&open}, []*dataset.Sample{{ID: "bare"}}, nil); err == nil || !strings.Contains(err.Error(), "bare") {
		t.Errorf("an image that is not loaded: %v", err)
	}
	if _, err := feats[0].Input([]encoder.Tap{encoder.Tokens}); err == nil {
		t.Error("a tap that was not extracted was given")
	}
}

// A NaN or an infinity among the activations is an error of every kind of head, never an answer.
func TestNonFiniteActivationsAreErrors(t *testing.T) {
	train, test := data(t)
	s := Suite{Spec: fixtureSpec, Classes: []string{"none", "scratch", "dent", "stain", "crack", "hole", "inclusion"}, Good: "none", Effort: 0.02, Seed: 1}
	heads, errs := s.Build(train[:70])
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, h := range heads {
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
			in, err := test[0].Input(h.Taps())
			if err != nil {
				t.Fatal(err)
			}
			in.Question = "is there a defect?"
			last := len(in.Acts) - 1
			a := Activation{Shape: in.Acts[last].Shape, Data: clone(in.Acts[last].Data)}
			a.Data[len(a.Data)-1] = bad
			in.Acts[last] = a
			if out, err := h.Predict(in); err == nil {
				t.Errorf("%s answered %+v to %v", h.Name(), out, bad)
			}
		}
	}
}
