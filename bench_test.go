package plumbline_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/internal/tower"
)

// BenchmarkEncoder times one forward pass, and one forward pass with the gradient at the pixels, of
// transformers built in memory with seeded weights.
func BenchmarkEncoder(b *testing.B) {
	for _, name := range []string{"tiny", "b32", "b16"} {
		shape := tower.Shapes[name]
		src, err := shape.Model(1)
		if err != nil {
			b.Fatal(err)
		}
		m, err := encoder.FromONNX(src)
		if err != nil {
			b.Fatal(err)
		}
		for _, batch := range []int{1, 8, 32} {
			images := noise(shape.Size, batch)
			label := fmt.Sprintf("model=%s/batch=%d/", name, batch)
			b.Run(label+"pass=forward", func(b *testing.B) {
				run(b, shape.FLOPs(), batch, func() error {
					_, err := m.Forward(context.Background(), images, encoder.Tokens, encoder.Embedding)
					return err
				})
			})
			b.Run(label+"pass=gradient", func(b *testing.B) {
				run(b, 2*shape.FLOPs(), batch, func() error { return gradient(m, images) })
			})
		}
	}
}

// gradient is that of ‖tokens‖² + ‖embedding‖² at the pixels.
func gradient(e encoder.Encoder, images []*tensor.Dense) error {
	ctx := context.Background()
	t, err := e.Trace(ctx, images, encoder.Tokens, encoder.Embedding)
	if err != nil {
		return err
	}
	defer t.Close()
	_, err = t.VJP(ctx, []*tensor.Dense{t.Activation(0), t.Activation(1)})
	return err
}

func run(b *testing.B, flops float64, batch int, f func() error) {
	if err := f(); err != nil { // compiles and packs
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	s := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(float64(batch)/s, "images/s")
	b.ReportMetric(flops*float64(batch)/s/1e9, "GFLOP/s")
}

// noise is n network inputs.
func noise(side, n int) []*tensor.Dense {
	rng := rand.New(rand.NewPCG(2, 0))
	var out []*tensor.Dense
	for range n {
		v := make([]float32, 3*side*side)
		for i := range v {
			v[i] = rng.Float32()
		}
		out = append(out, tensor.New(tensor.WithShape(3, side, side), tensor.WithBacking(v)))
	}
	return out
}
