package pretrain

import (
	"context"
	"fmt"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
)

// Bench measures encoders on drawn surfaces: zero-shot classification by fixed text embeddings, a linear
// segmentation head and a box head trained on the encoder's clean tokens, each on clean and on attacked
// images. Attacks know the encoder; "apgd" also knows the classifier.
type Bench struct {
	Seed  uint64 // of the images: heads are trained on the first, tests come from TestFrom on
	Train int    // images for the heads
	Test  int    // images to be judged
	Eps   string // L∞ budget
	Text  [][]float32
	Scale float64 // of the logits
	Steps int     // of each attack
}

// Outcome is what an encoder gave under one condition, image by image.
type Outcome struct {
	Condition string
	Right     []bool              // class of defect
	Masks     []*metric.Confusion // pixels
	Boxes     *metric.DetectionScore
}

// Conditions are what images are judged under, in order.
var Conditions = []string{"clean", "prm", "apgd"}

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
	test, err := b.samples(TestFrom, b.Test, size)
	if err != nil {
		return nil, err
	}
	h, err := b.heads(ctx, e, fit)
	if err != nil {
		return nil, err
	}
	var out []Outcome
	for _, c := range Conditions {
		attacked, err := b.attacked(ctx, e, test, c)
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

func (b Bench) samples(first, n, size int) ([]*dataset.Sample, error) {
	d, err := surfaces.New(surfaces.Config{Seed: b.Seed, First: first, N: n, Size: max(size, surfaces.MinSize)})
	if err != nil {
		return nil, err
	}
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

var benchTaps = []encoder.Tap{encoder.Tokens, encoder.Embedding}

func (b Bench) heads(ctx context.Context, e encoder.Encoder, fit []*dataset.Sample) (h benchHeads, err error) {
	feats, err := head.Extract(ctx, e, fit, benchTaps)
	if err != nil {
		return h, err
	}
	k := len(surfaces.Defects)
	layout := head.NewLayout(e.Spec())
	if h.zero, err = head.NewZeroShot("zero-shot", b.Text, b.Scale); err != nil {
		return h, err
	}
	tokens := []encoder.Tap{encoder.Tokens}
	if h.segment, err = head.TrainDenseProbe("segment", layout, tokens, feats, k, nil, head.Training{Epochs: 20, Batch: 256, Rate: 0.005, Seed: b.Seed}); err != nil {
		return h, err
	}
	h.boxes, err = head.NewPrototypeBoxes("boxes", layout, tokens, feats, k)
	return h, err
}

// attacked returns the images under a condition.
func (b Bench) attacked(ctx context.Context, e encoder.Encoder, test []*dataset.Sample, condition string) ([]*tensor.Dense, error) {
	images, labels := make([]*tensor.Dense, len(test)), make([]int, len(test))
	for i, s := range test {
		images[i], labels[i] = s.Image, s.Label
	}
	if condition == "clean" {
		return images, nil
	}
	eps, err := attack.ParseEps(b.Eps)
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("prm(steps=%d)", b.Steps)
	var opts []attack.Option
	if condition == "apgd" {
		text = fmt.Sprintf("apgd-ce(steps=%d)", b.Steps)
		opts = append(opts, attack.Against(zeroShotClassifier{b.Text, b.Scale}, labels))
	}
	a, err := attack.Parse(text)
	if err != nil {
		return nil, err
	}
	res, err := a.Run(ctx, e, images, attack.Linf(eps), opts...)
	if err != nil {
		return nil, err
	}
	for i := range images {
		if images[i], err = attack.Quantize(attack.Linf(eps), i, images[i], res.Adv[i]); err != nil {
			return nil, err
		}
	}
	return images, nil
}

// judge runs the heads on images.
func (h benchHeads) judge(ctx context.Context, e encoder.Encoder, test []*dataset.Sample, images []*tensor.Dense) (o Outcome, err error) {
	changed := make([]*dataset.Sample, len(test))
	for i, s := range test {
		c := *s
		c.Image = images[i]
		changed[i] = &c
	}
	feats, err := head.Extract(ctx, e, changed, benchTaps)
	if err != nil {
		return o, err
	}
	var found []metric.Found
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
		found = append(found, metric.Found{Detections: out[2].Detections, Truth: test[i].Boxes})
	}
	o.Boxes, err = metric.NewDetectionScore(found, len(surfaces.Defects))
	return o, err
}

// zeroShotClassifier is the zero-shot head as attacks see it.
type zeroShotClassifier struct {
	text  [][]float32 // unit rows
	scale float64
}

// Taps implements [attack.Classifier].
func (zeroShotClassifier) Taps() []encoder.Tap { return []encoder.Tap{encoder.Embedding} }

// Classes implements [attack.Classifier].
func (c zeroShotClassifier) Classes() int { return len(c.text) }

// Logits implements [attack.Classifier].
func (c zeroShotClassifier) Logits(dst []float64, acts []*tensor.Dense) ([]float64, error) {
	u, _ := normalised([][]float32{acts[0].Float32s()})
	for _, t := range c.text {
		z := 0.0
		for k, v := range t {
			z += c.scale * u[0][k] * float64(v)
		}
		dst = append(dst, z)
	}
	return dst, nil
}

// VJP implements [attack.Classifier].
func (c zeroShotClassifier) VJP(cot, acts []*tensor.Dense, d []float64) error {
	u, norm := normalised([][]float32{acts[0].Float32s()})
	rows := backNormalised(u, norm, func(_, k int) (sum float64) {
		for j, t := range c.text {
			sum += c.scale * d[j] * float64(t[k])
		}
		return sum
	})
	copy(cot[0].Float32s(), rows[0])
	return nil
}
