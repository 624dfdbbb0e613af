package pretrain

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/internal/train"
)

// TestTune trains a copy of a small tower for each task: the loss falls, the original stays, and a run that was
// interrupted ends with the weights of one that was not.
func TestTune(t *testing.T) {
	src, err := miniature.Image.Model(5)
	if err != nil {
		t.Fatal(err)
	}
	m, err := encoder.FromONNX(src, encoder.WithPreprocess(encoder.CLIPPreprocess(64)))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range []head.Task{head.Classification, head.Segmentation} {
		how := Tuning{Name: "mini", Task: task, Seed: 5, Images: 32, Train: train.Config{Steps: 30, Batch: 8, LR: 3e-3, Warmup: 3, Clip: 1, EMA: 0.9, Seed: 5}}
		weights := func(ctx context.Context, checkpoint string, progress func(train.Progress)) ([]float32, error) {
			u, err := NewTuner(m, how)
			if err != nil {
				t.Fatal(err)
			}
			_, err = u.Train(ctx, "", checkpoint, 5, progress)
			var all []float32
			for _, p := range u.Encoder.Params() {
				all = append(all, p.Value...)
			}
			return all, err
		}
		var first, last float64
		whole, err := weights(context.Background(), "", func(p train.Progress) {
			if p.Step <= 3 {
				first += p.Loss
			}
			if p.Step > p.Steps-3 {
				last += p.Loss
			}
		})
		if err != nil || last > 0.95*first {
			t.Errorf("%s: the loss went from %.3f to %.3f: %v", task, first/3, last/3, err)
		}
		checkpoint := filepath.Join(t.TempDir(), "c")
		ctx, cancel := context.WithCancel(context.Background())
		if _, err := weights(ctx, checkpoint, func(p train.Progress) {
			if p.Step == 12 {
				cancel()
			}
		}); err == nil {
			t.Error("the run was not interrupted")
		}
		if again, err := weights(context.Background(), checkpoint, nil); err != nil || !slices.Equal(again, whole) {
			t.Errorf("%s: the resumed run ends with other weights: %v", task, err)
		}
	}
	if _, err := NewTuner(m, Tuning{Task: head.Retrieval, Images: 7}); err == nil {
		t.Error("a task without a loss was accepted")
	}
}
