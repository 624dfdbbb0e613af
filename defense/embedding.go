package defense

import (
	"context"
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// needsEmbedding reports that e has no embedding, or not one of the given width (0 for any).
func needsEmbedding(name string, e encoder.Encoder, width int) error {
	s := e.Spec()
	if s.Embedding == 0 {
		return fmt.Errorf("defense: %s: %s has no embedding", name, s.Name)
	}
	if width != 0 && s.Embedding != width {
		return fmt.Errorf("defense: %s: %s embeds in %d dimensions, the text in %d", name, s.Name, s.Embedding, width)
	}
	return nil
}

func tensors(pics []Picture) []*tensor.Dense {
	out := make([]*tensor.Dense, len(pics))
	for i, p := range pics {
		out[i] = p.Tensor()
	}
	return out
}

// embeddings returns the embedding of every picture.
func embeddings(ctx context.Context, e encoder.Encoder, pics []Picture) ([][]float32, error) {
	tr, err := e.Trace(ctx, tensors(pics), encoder.Embedding)
	if err != nil {
		return nil, err
	}
	defer tr.Close()
	return rows(tr.Activation(0), len(pics)), nil
}

// rows copies a B×E tensor row by row.
func rows(a *tensor.Dense, b int) [][]float32 {
	data := a.Data().([]float32)
	out := make([][]float32, b)
	for i := range out {
		n := len(data) / b
		out[i] = slices.Clone(data[i*n : (i+1)*n])
	}
	return out
}

// embeddingGradients returns, for every picture b, the gradient at its pixels of ⟨cot(b, z), z⟩ with cot held fixed, z
// its embedding. cot is called in order.
func embeddingGradients(ctx context.Context, e encoder.Encoder, pics []Picture, cot func(b int, z []float32) []float32) ([][]float32, error) {
	tr, err := e.Trace(ctx, tensors(pics), encoder.Embedding)
	if err != nil {
		return nil, err
	}
	defer tr.Close()
	a := tr.Activation(0)
	var c []float32
	for b, z := range rows(a, len(pics)) {
		c = append(c, cot(b, z)...)
	}
	g, err := tr.VJP(ctx, []*tensor.Dense{tensor.New(tensor.WithShape(a.Shape().Clone()...), tensor.WithBacking(c))})
	if err != nil {
		return nil, err
	}
	out := make([][]float32, len(g))
	for b := range g {
		out[b] = slices.Clone(g[b].Data().([]float32))
	}
	return out, nil
}
