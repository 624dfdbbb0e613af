package system

import (
	"context"
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// Collector is a head that hands the embedding on as it is, for [Embeddings].
type Collector struct{}

// Name, Task and Taps implement [head.Head].
func (Collector) Name() string        { return "embedding" }
func (Collector) Task() head.Task     { return head.Retrieval }
func (Collector) Taps() []encoder.Tap { return []encoder.Tap{encoder.Embedding} }

// Predict implements [head.Head].
func (Collector) Predict(in head.Input) (head.Output, error) {
	if len(in.Acts) != 1 || len(in.Acts[0].Data) == 0 {
		return head.Output{}, fmt.Errorf("no embedding was given")
	}
	return head.Output{Label: dataset.NoLabel, Embedding: in.Acts[0].Data}, nil
}

// Embeddings asks a system whose head is a [Collector] for the embeddings of loaded images, as what a head can
// be built from.
func Embeddings(ctx context.Context, s System, images []*dataset.Sample) ([]head.Features, error) {
	var out []head.Features
	for _, im := range images {
		a, err := s.Answer(ctx, Query{Image: im})
		if err != nil {
			return nil, err
		}
		if len(out) > 0 && len(a.Embedding) != len(out[0].Acts[encoder.Embedding].Data) {
			return nil, fmt.Errorf("system %s: image %s: an embedding of %d numbers after one of %d", s.Name(), im.ID, len(a.Embedding), len(out[0].Acts[encoder.Embedding].Data))
		}
		out = append(out, head.Features{Sample: im, Acts: map[encoder.Tap]head.Activation{encoder.Embedding: head.Vector(a.Embedding)}})
	}
	return out, nil
}
