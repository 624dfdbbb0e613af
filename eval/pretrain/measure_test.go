package pretrain

import (
	"context"
	"math"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
	"github.com/plumbline-ml/plumbline/internal/tower"
)

func TestZeroShotClassifierGradient(t *testing.T) {
	c := zeroShotClassifier{text: [][]float32{{1, 0, 0}, {0, 0.6, 0.8}}, scale: 7}
	x := tensor.New(tensor.WithShape(1, 3), tensor.WithBacking([]float32{0.5, -1, 2}))
	d := []float64{0.3, -2}
	value := func() (sum float64) {
		z, err := c.Logits(nil, []*tensor.Dense{x})
		if err != nil {
			t.Fatal(err)
		}
		return d[0]*z[0] + d[1]*z[1]
	}
	cot := x.Clone().(*tensor.Dense)
	if err := c.VJP([]*tensor.Dense{cot}, []*tensor.Dense{x}, d); err != nil {
		t.Fatal(err)
	}
	for i := range x.Float32s() {
		keep := x.Float32s()[i]
		x.Float32s()[i] = keep + 1e-2
		up := value()
		x.Float32s()[i] = keep - 1e-2
		diff := (up - value()) / 2e-2
		x.Float32s()[i] = keep
		if math.Abs(diff-float64(cot.Float32s()[i])) > 1e-3 {
			t.Errorf("element %d: %v, difference %v", i, cot.Float32s()[i], diff)
		}
	}
}

// TestBench measures a model whose classifier is right about what it was given: each test image's class
// text is its mean clean embedding, so clean accuracy is high and an attack on the classifier lowers it.
func TestBench(t *testing.T) {
	ctx := context.Background()
	src, err := tower.Image{Size: 64, Patch: 16, Width: 32, Depth: 2, Heads: 2, Embed: 16}.Model(5)
	if err != nil {
		t.Fatal(err)
	}
	e, err := encoder.FromONNX(src, encoder.WithPreprocess(encoder.CLIPPreprocess(64)))
	if err != nil {
		t.Fatal(err)
	}
	b := Bench{Seed: 1, Train: 35, Test: 14, Eps: "8/255", Steps: 3, Scale: 20}
	test, err := b.samples(TestFrom, b.Test, 64)
	if err != nil {
		t.Fatal(err)
	}
	for range surfaces.Defects {
		b.Text = append(b.Text, make([]float32, 16))
	}
	for _, s := range test {
		out, err := e.Forward(ctx, []*tensor.Dense{s.Image}, encoder.Embedding)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range out[0].Float32s() {
			b.Text[s.Label][k] += v
		}
	}
	for c := range b.Text {
		u, _ := normalised(b.Text[c : c+1])
		for k, v := range u[0] {
			b.Text[c][k] = float32(v)
		}
	}
	out, err := b.Run(ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	right := map[string]int{}
	for _, o := range out {
		for _, r := range o.Right {
			if r {
				right[o.Condition]++
			}
		}
		all := make([]int, b.Test)
		for i := range all {
			all[i] = i
		}
		if m := o.MIoU(all); !(m > 0 && m < 1) || len(o.Right) != b.Test || len(o.Masks) != b.Test {
			t.Errorf("%s: mIoU %v over %d images", o.Condition, m, len(o.Masks))
		}
	}
	if len(out) != len(Conditions) || right["apgd"] >= right["clean"] || right["clean"] < 5 {
		t.Errorf("right: %v", right)
	}
}
