package pretrain

import (
	"context"
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
)

// Bench measures encoders on drawn surfaces: zero-shot classification by fixed text embeddings, a linear
// segmentation head fitted to the encoder's clean tokens, and the boxes of the regions that it draws, each on
// clean and on attacked images. Attacks know the encoder; "apgd" also knows the classifier, and "apgd-pixels" the
// segmentation head.
type Bench struct {
	Seed  uint64 // of the images: heads are trained on the first, tests come from TestFrom on
	Train int    // images for the heads
	Test  int    // images to be judged
	Eps   string // L∞ budget
	Text  [][]float32
	Scale float64 // of the logits
	Steps int     // of each attack

	Conditions []string // what to judge under; all of [Conditions] when empty
}

// Outcome is what an encoder gave under one condition, image by image.
type Outcome struct {
	Condition string              `json:"condition"`
	Right     []bool              `json:"right"` // class of defect
	Masks     []*metric.Confusion `json:"masks"` // pixels
	Found     []metric.Found      `json:"found"` // boxes
}

// AP50 is the mean over classes of the average precision at an IoU of 0.5, for any images.
func (o Outcome) AP50() (func(images []int) float64, error) {
	d, err := metric.NewDetectionScore(o.Found, len(surfaces.Defects))
	if err != nil {
		return nil, err
	}
	return d.AP50(), nil
}

// Conditions are what images are judged under, in order.
var Conditions = []string{"clean", "prm", "apgd", "apgd-pixels"}

// MIoU is the mean intersection over union of background and defects.
func (o Outcome) MIoU(images []int) float64 {
	sum := metric.NewConfusion(len(surfaces.Defects))
	for _, i := range images {
		sum.Merge(o.Masks[i])
	}
	return sum.MeanIoU(true)
}

// Run measures one encoder under all conditions.
func (b Bench) Run(ctx context.Context, e encoder.Encoder) ([]Outcome, error) {
	size := e.Spec().ImageSize[0]
	fit, err := b.samples(0, b.Train, size)
	if err != nil {
		return nil, err
	}
	data, err := b.data(TestFrom, b.Test, size)
	if err != nil {
		return nil, err
	}
	test, err := loadAll(data)
	if err != nil {
		return nil, err
	}
	h, err := b.heads(ctx, e, fit)
	if err != nil {
		return nil, err
	}
	conditions := b.Conditions
	if len(conditions) == 0 {
		conditions = Conditions
	}
	var out []Outcome
	for _, c := range conditions {
		attacked, err := b.attacked(ctx, e, h, data, test, c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c, err)
		}
		o, err := h.judge(ctx, e, test, attacked)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c, err)
		}
		o.Condition = c
		out = append(out, o)
	}
	return out, nil
}

func (b Bench) data(first, n, size int) (*dataset.Dataset, error) {
	return surfaces.New(surfaces.Config{Seed: b.Seed, First: first, N: n, Size: max(size, surfaces.MinSize)})
}

func (b Bench) samples(first, n, size int) ([]*dataset.Sample, error) {
	d, err := b.data(first, n, size)
	if err != nil {
		return nil, err
	}
	return loadAll(d)
}

func loadAll(d *dataset.Dataset) ([]*dataset.Sample, error) {
	loaded, errs := d.LoadAll(context.Background())
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return loaded, nil
}

// benchHeads stand on one encoder.
type benchHeads struct {
	zero    head.Head
	segment head.Head
	boxes   head.Head
}

// TokenTaps are the layers that dense heads on an encoder of the family read, side by side: the tokens that
// enter the blocks, those after each third of them, and the last.
func TokenTaps(s encoder.Spec) []encoder.Tap {
	taps := []encoder.Tap{encoder.Stem}
	for _, i := range []int{s.Depth/3 - 1, 2*s.Depth/3 - 1} {
		if t := encoder.Block(max(i, 0)); !slices.Contains(taps, t) {
			taps = append(taps, t)
		}
	}
	return append(taps, encoder.Tokens)
}

// FitPixels fits the family's linear segmentation head to images whose features hold [TokenTaps], with cells of
// the given number of input pixels a side.
func FitPixels(name string, s encoder.Spec, feats []head.Features, cell int, seed uint64) (*head.PixelProbe, error) {
	how := head.Training{Epochs: 4, Seed: seed}
	return head.TrainPixelProbe(name, head.NewLayout(s), TokenTaps(s), feats, len(surfaces.Defects), max(s.Patch/cell, 1), how)
}

func (b Bench) heads(ctx context.Context, e encoder.Encoder, fit []*dataset.Sample) (h benchHeads, err error) {
	feats, err := head.Extract(ctx, e, fit, TokenTaps(e.Spec()))
	if err != nil {
		return h, err
	}
	if h.zero, err = head.NewZeroShot("zero-shot", b.Text, b.Scale); err != nil {
		return h, err
	}
	pixels, err := FitPixels("segment", e.Spec(), feats, 1, b.Seed)
	if err != nil {
		return h, err
	}
	h.segment, h.boxes = pixels, head.NewPixelBoxes("boxes", pixels)
	return h, nil
}

// judge runs the heads on images.
func (h benchHeads) judge(ctx context.Context, e encoder.Encoder, test []*dataset.Sample, images []*tensor.Dense) (o Outcome, err error) {
	changed := make([]*dataset.Sample, len(test))
	for i, s := range test {
		c := *s
		c.Image = images[i]
		changed[i] = &c
	}
	feats, err := head.Extract(ctx, e, changed, append(TokenTaps(e.Spec()), encoder.Embedding))
	if err != nil {
		return o, err
	}
	for i := range feats {
		var out [3]head.Output
		for k, one := range []head.Head{h.zero, h.segment, h.boxes} {
			in, err := feats[i].Input(one.Taps())
			if err == nil {
				out[k], err = one.Predict(in)
			}
			if err != nil {
				return o, err
			}
		}
		o.Right = append(o.Right, out[0].Label == test[i].Label)
		c := metric.NewConfusion(len(surfaces.Defects))
		if err := c.Add(out[1].Mask, test[i].Mask); err != nil {
			return o, err
		}
		o.Masks = append(o.Masks, c)
		o.Found = append(o.Found, metric.Found{Detections: out[2].Detections, Truth: test[i].Boxes})
	}
	return o, nil
}
