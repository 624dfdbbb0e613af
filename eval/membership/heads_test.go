package membership_test

import (
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/membership"
)

// noisy is a pool of random features with random labels: all that a head can get right of it is learnt by heart.
func noisy(n, width, classes int) ([][]head.Features, []int) {
	rng := rand.New(rand.NewPCG(3, 4))
	feats, labels := make([]head.Features, n), make([]int, n)
	for i := range feats {
		v := make([]float32, width)
		for k := range v {
			v[k] = float32(rng.NormFloat64())
		}
		labels[i] = rng.IntN(classes)
		feats[i] = head.Features{Acts: map[encoder.Tap]head.Activation{encoder.Embedding: head.Vector(v)}, Sample: &dataset.Sample{Label: labels[i]}}
	}
	return [][]head.Features{feats}, labels
}

func TestOverfittedHeadLeaksAndFewEpochsLeakLess(t *testing.T) {
	const classes = 3
	feats, labels := noisy(160, 24, classes)
	src := head.Source{Tap: encoder.Embedding, Width: 24}
	leak := func(how head.Training) membership.Estimate {
		fit := func(members []head.Features, seed uint64) (head.Differentiable, error) {
			how := how
			how.Seed = seed
			return head.TrainProbe("probe", src, members, classes, []int{32}, how)
		}
		c := membership.Config{Labels: labels, Models: 8, Guards: []string{"round(1)"}}
		r := audit(t, c, membership.Heads(feats, fit))
		return r.Row("none", "lira-online").AUC
	}
	long, short := leak(head.Training{Epochs: 60}), leak(head.Training{Epochs: 1, Rate: 1e-4})
	if long.Lo < 0.8 {
		t.Errorf("a head that learnt its images by heart: AUC %v", long)
	}
	if short.Hi > 0.65 {
		t.Errorf("a head that has hardly begun to learn: AUC %v", short)
	}
}

func TestViewsShiftAndMirror(t *testing.T) {
	pix := make([]float32, 3*16*32)
	for i := range pix {
		pix[i] = float32(i % (16 * 32))
	}
	image := tensor.New(tensor.WithShape(3, 16, 32), tensor.WithBacking(pix))
	at := func(v, y, x int) float32 {
		view, err := membership.View(image, v)
		if err != nil {
			t.Fatal(err)
		}
		return view.Data().([]float32)[y*32+x]
	}
	for _, c := range []struct{ v, y, x, wantY, wantX int }{
		{0, 3, 5, 3, 5}, {1, 3, 5, 3, 26}, {2, 3, 5, 3, 7}, {2, 3, 31, 3, 31}, {3, 3, 5, 3, 3}, {4, 3, 5, 4, 5}, {5, 0, 5, 0, 5},
		{6, 3, 5, 3, 9}, {8, 15, 5, 15, 5}, {9, 5, 5, 3, 5},
	} {
		if got := at(c.v, c.y, c.x); got != float32(c.wantY*32+c.wantX) {
			t.Errorf("view %d at (%d,%d) shows %v, want (%d,%d)", c.v, c.y, c.x, got, c.wantY, c.wantX)
		}
	}
	if _, err := membership.View(image, membership.MaxViews); err == nil {
		t.Error("a view that does not exist")
	}
}
