package pretrain_test

import (
	"context"
	"io/fs"
	"math"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/pretrain"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
	"github.com/plumbline-ml/plumbline/models"
)

// TestEmbeddedModel classifies unseen surfaces with the embedded model and compares with its card.
func TestEmbeddedModel(t *testing.T) {
	m, err := models.Open("surfaces-tiny")
	if err != nil {
		t.Fatal(err)
	}
	e, err := m.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := m.TextEmbeddings()
	if err != nil {
		t.Fatal(err)
	}
	zero, err := head.NewZeroShot("zero-shot", rows, m.Labels.LogitScale)
	if err != nil {
		t.Fatal(err)
	}
	const n = 280
	d, err := surfaces.New(surfaces.Config{Seed: 1, First: pretrain.TestFrom, N: n, Size: 64})
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for i := range n {
		s, err := d.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		out, err := e.Forward(context.Background(), []*tensor.Dense{s.Image}, encoder.Embedding)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := zero.Predict(head.Input{Acts: []head.Activation{head.Vector(out[0].Float32s())}})
		if err != nil {
			t.Fatal(err)
		}
		if answer.Label == s.Label {
			right++
		}
	}
	want := m.Card.Scores[0].Value
	slack := 4 * math.Sqrt(want*(1-want)/n)
	if got := float64(right) / n; math.Abs(got-want) > slack {
		t.Errorf("%d of %d right, %.3f; the card says %.3f", right, n, got, want)
	}
}

// TestEmbeddedHeads judges the heads that come with the models on unseen surfaces.
func TestEmbeddedHeads(t *testing.T) {
	for _, c := range []struct {
		model, file string
		least       float64
	}{
		{"surfaces-tiny", "classify-linear", 0.75},
		{"surfaces-tiny", "segment-pixels", 0.4},
		{"surfaces-tuned-classify", "classify-linear", 0.75},
		{"surfaces-tuned-segment", "segment-pixels", 0.4},
	} {
		m, err := models.Open(c.model)
		if err != nil {
			t.Fatal(err)
		}
		e, err := m.Encoder()
		if err != nil {
			t.Fatal(err)
		}
		folder, err := models.Files(c.model)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := fs.ReadFile(folder, "heads/"+c.file+".head")
		if err != nil {
			t.Fatal(err)
		}
		h, err := head.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		score, err := pretrain.Bench{Seed: 1, Test: 70}.Clean(context.Background(), e, h)
		if err != nil {
			t.Fatal(err)
		}
		if score.Value < c.least {
			t.Errorf("%s of %s: %s %.3f", c.file, c.model, score.Metric, score.Value)
		}
		t.Logf("%s of %s: %s %.3f", c.file, c.model, score.Metric, score.Value)
	}
}
