package pretrain

import (
	"context"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
	"github.com/plumbline-ml/plumbline/internal/tower"
)

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
	mIoU := map[string]float64{}
	for _, o := range out {
		all := make([]int, b.Test)
		for i := range all {
			all[i] = i
		}
		mIoU[o.Condition] = o.MIoU(all)
	}
	if mIoU["apgd-pixels"] >= mIoU["apgd"] || mIoU["apgd-pixels"] >= mIoU["prm"] {
		t.Errorf("the attack through the segmentation head's own loss is no stronger than the others: %v", mIoU)
	}
	if len(out) != len(Conditions) || right["apgd"] >= right["clean"] || right["clean"] < 5 {
		t.Errorf("right: %v", right)
	}
}
