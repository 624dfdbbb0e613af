package encoder

import (
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/internal/tower"
)

func TestRecomputationChangesNoBitAndSavesMemory(t *testing.T) {
	deep := tower.Image{Size: 64, Patch: 8, Width: 64, Depth: 8, Heads: 4, Embed: 16}
	keep := openVIT(t, deep)
	again := openVIT(t, deep, WithRecomputation())
	img := pictures(1, 64, 64)
	if a, b := pass(t, keep, img)[0], pass(t, again, img)[0]; !slices.Equal(a, b) {
		t.Fatal("recomputed activations give another gradient")
	}
	grad := func(m *Model) []float32 {
		tr, err := m.Trace(t.Context(), img, Embedding)
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		g, err := tr.VJP(t.Context(), []*tensor.Dense{tr.Activation(0).Clone().(*tensor.Dense)})
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(g[0].Float32s())
	}
	if !slices.Equal(grad(keep), grad(again)) {
		t.Fatal("recomputed activations give another gradient of the embedding")
	}
	full, err := keep.Schedule(true, Embedding)
	if err != nil {
		t.Fatal(err)
	}
	less, err := again.Schedule(true, Embedding)
	if err != nil {
		t.Fatal(err)
	}
	if less.Arena*2 > full.Arena {
		t.Errorf("recomputation takes %d bytes, without it %d: want less than half", less.Arena, full.Arena)
	}
}

// TestTrainingRecomputes compares the gradients of the weights and the memory that a pass takes.
func TestTrainingRecomputes(t *testing.T) {
	deep := tower.Image{Size: 64, Patch: 8, Width: 64, Depth: 8, Heads: 4, Embed: 16}
	img := pictures(2, 64, 64)
	taps := []Tap{Block(3), Embedding}
	run := func(opts ...Option) (grads [][]float32, activations int) {
		tr, err := openVIT(t, deep, opts...).Trainable()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tr.Accumulate(t.Context(), img, taps, func(_ int, act, cot []*tensor.Dense) (float64, error) {
			for k := range act {
				copy(cot[k].Float32s(), act[k].Float32s())
			}
			return 0, nil
		}); err != nil {
			t.Fatal(err)
		}
		activations = tr.programs[0].engine.Arena()
		for _, p := range tr.Params() {
			grads = append(grads, p.Grad)
			activations -= 4 * len(p.Grad) // held to the end of a pass
		}
		return grads, activations
	}
	full, much := run()
	again, less := run(WithRecomputation())
	for i := range full {
		if !slices.Equal(full[i], again[i]) {
			t.Fatalf("recomputed activations give another gradient of parameter %d", i)
		}
	}
	if less*2 > much {
		t.Errorf("recomputation takes %d bytes, without it %d: want less than half", less, much)
	}
}
