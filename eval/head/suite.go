package head

import (
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// Suite says which heads [Suite.Build] makes on one encoder: every head that the training data's annotations
// and the text allow, over all tasks.
type Suite struct {
	Prefix  string // put before the heads' names, to tell encoders apart
	Spec    encoder.Spec
	Classes []string
	Good    string     // class free of defects; "" if there is none
	Noun    string     // the part, for captions ("magnetic tile"); "" where the images' questions tell the surface
	Text    *SuiteText // nil: no zero-shot heads
	Seed    uint64
	Effort  float64 // multiplies the epochs; defaults to 1
}

// SuiteText is what zero-shot heads need of the text encoder.
type SuiteText struct {
	Classes [][]float32 // one embedding per class
	Scale   float64     // logit scale
}

// Taps are the activations that the suite's heads and their training need: two inner blocks, the last tokens,
// the embedding, and for dense zero-shot heads the last block's values and attention output.
func (s Suite) Taps() []encoder.Tap {
	taps := append(s.inner(), encoder.Tokens, encoder.Embedding)
	if s.Text != nil && s.Good != "" && s.Spec.CLS && s.Spec.Depth > 0 {
		taps = append(taps, encoder.Values(s.Spec.Depth-1), encoder.AttentionOut(s.Spec.Depth-1))
	}
	return taps
}

// inner are the blocks at half and at three quarters of the depth.
func (s Suite) inner() []encoder.Tap {
	if s.Spec.Depth < 2 {
		return nil
	}
	half, late := encoder.Block(s.Spec.Depth/2-1), encoder.Block(max(s.Spec.Depth*3/4-1, 0))
	if half == late {
		return []encoder.Tap{half}
	}
	return []encoder.Tap{half, late}
}

// skips are the taps of heads that look at several layers.
func (s Suite) skips() []encoder.Tap { return append(s.inner(), encoder.Tokens) }

// Build trains the heads on images whose features hold the suite's taps. A head that cannot be built is an
// error beside the others.
func (s Suite) Build(train []Features) ([]Head, []error) {
	b := &suiteBuilder{Suite: s, train: train, layout: NewLayout(s.Spec), embed: EmbeddingSource(s.Spec), tokens: TokenSource(s.Spec, encoder.Tokens)}
	if len(train) == 0 {
		return nil, []error{fmt.Errorf("no training images for the heads on %s", s.Spec.Name)}
	}
	if s.Spec.Embedding == 0 {
		b.embed = b.tokens
	}
	b.classification()
	b.anomaly()
	b.segmentation()
	b.detection()
	b.captioning()
	b.questions()
	b.retrieval()
	return b.heads, b.errs
}

type suiteBuilder struct {
	Suite
	train         []Features
	layout        Layout
	embed, tokens Source
	pixels        *PixelProbe // nil before it is trained, and where there are no masks
	heads         []Head
	errs          []error
}

// fine is the number of cells a side of a patch that pixel heads tell apart: the patch's pixels, at most eight.
func (b *suiteBuilder) fine() int { return min(max(b.Spec.Patch, 1), 8) }

// keep takes a head and its error; generic so that a nil pointer of a head's type is not taken for a head.
func keep[H Head](b *suiteBuilder, h H, err error) {
	if err != nil {
		b.errs = append(b.errs, err)
		return
	}
	b.heads = append(b.heads, h)
}

func (b *suiteBuilder) name(s string) string { return b.Prefix + s }

func (b *suiteBuilder) training(epochs, batch int, rate float64) Training {
	effort := b.Effort
	if effort <= 0 {
		effort = 1
	}
	return Training{Epochs: max(1, int(effort*float64(epochs)+0.5)), Batch: batch, Rate: rate, Seed: b.Seed}
}

// labelled are the images with a class.
func (b *suiteBuilder) labelled() []Features {
	return slices.DeleteFunc(slices.Clone(b.train), func(f Features) bool { return f.Sample.Label < 0 })
}

func (b *suiteBuilder) classification() {
	feats, k := b.labelled(), len(b.Classes)
	if len(feats) == 0 || k < 2 {
		return
	}
	if b.Text != nil {
		h, err := NewZeroShot(b.name("classify-zeroshot"), b.Text.Classes, b.Text.Scale)
		keep(b, h, err)
	}
	linear, err := TrainProbe(b.name("classify-linear"), b.embed, feats, k, nil, b.training(60, 64, 0.005))
	keep(b, linear, err)
	mean, err := TrainProbe(b.name("classify-linear-tokens"), b.tokens, feats, k, nil, b.training(60, 64, 0.005))
	keep(b, mean, err)
	mlp, err := TrainProbe(b.name("classify-mlp"), b.tokens, feats, k, []int{64}, b.training(40, 64, 0.003))
	keep(b, mlp, err)
	knn, err := NewKNN(b.name("classify-knn"), b.embed, feats, k, 10)
	keep(b, knn, err)
	proto, err := NewPrototypes(b.name("classify-prototypes"), b.embed, feats, k)
	keep(b, proto, err)
}

// good are the images free of defects.
func (b *suiteBuilder) good() []Features {
	return slices.DeleteFunc(b.labelled(), func(f Features) bool { return b.Classes[f.Sample.Label] != b.Good })
}

// densePatches is the share of the patches of good images that dense zero-shot heads take for defects.
const densePatches = 0.05

// suitePatches is how many patches the memories of the suite keep at most.
const suitePatches = 1000

func (b *suiteBuilder) anomaly() {
	good := b.good()
	if b.Good == "" || len(good) < 8 {
		return
	}
	// Every fourth image sets the threshold: 5 % of the good ones may be flagged.
	var fitted, held []Features
	for i, f := range good {
		if i%4 == 3 {
			held = append(held, f)
		} else {
			fitted = append(fitted, f)
		}
	}
	for _, m := range []struct {
		name string
		taps []encoder.Tap
	}{{"anomaly-memory", b.skips()[:max(1, len(b.skips())-1)]}, {"anomaly-memory-last", []encoder.Tap{encoder.Tokens}}} {
		share := min(0.05, float64(suitePatches)/float64(len(fitted)*b.layout.Rows*b.layout.Cols))
		h, err := NewMemory(b.name(m.name), b.layout, m.taps, fitted, share, b.Seed)
		if err == nil {
			h, err = h.Calibrate(held, 0.05)
		}
		keep(b, h, err)
	}
	h, err := NewMahalanobis(b.name("anomaly-mahalanobis"), b.tokens, fitted)
	if err == nil {
		h, err = h.Calibrate(held, 0.05)
	}
	keep(b, h, err)
}

func (b *suiteBuilder) segmentation() {
	if !slices.ContainsFunc(b.train, func(f Features) bool { return f.Sample.Mask != nil && len(f.Sample.Mask.Boxes(1)) > 0 }) {
		return
	}
	k := len(b.Classes)
	linear, err := TrainDenseProbe(b.name("segment-linear"), b.layout, []encoder.Tap{encoder.Tokens}, b.train, k, nil, b.training(8, 256, 0.005))
	keep(b, linear, err)
	mlp, err := TrainDenseProbe(b.name("segment-mlp-skips"), b.layout, b.skips(), b.train, k, []int{64}, b.training(8, 256, 0.003))
	keep(b, mlp, err)
	pixels, err := TrainPixelProbe(b.name("segment-pixels"), b.layout, []encoder.Tap{encoder.Tokens}, b.train, k, b.fine(), b.training(8, 256, 0.005))
	keep(b, pixels, err)
	if err == nil {
		b.pixels = pixels
	}
	knn, err := NewDenseKNN(b.name("segment-knn"), b.layout, b.skips()[:1], b.train, k, 7, 100, b.Seed)
	keep(b, knn, err)
	if h := b.denseZeroShot("segment-zeroshot"); h != nil {
		b.heads = append(b.heads, h)
	}
}

// denseZeroShot builds a dense zero-shot head, nil if the data or the text do not allow it.
func (b *suiteBuilder) denseZeroShot(name string) *DenseZeroShot {
	text, values, ok := b.dense()
	if !ok {
		return nil
	}
	var p *Projection
	var err error
	if b.Spec.CLS {
		p, err = FitValueProjection(b.layout, b.Spec.Depth-1, b.train)
	} else {
		p, err = FitProjection(b.layout, encoder.Tokens, b.train)
	}
	var h *DenseZeroShot
	if err == nil {
		h, err = NewDenseZeroShot(b.name(name), b.layout, p, text, values, len(b.Classes), b.Text.Scale)
	}
	if good := b.good(); err == nil && len(good) > 0 {
		h, err = h.Calibrate(good, densePatches)
	}
	if err != nil {
		b.errs = append(b.errs, err)
		return nil
	}
	return h
}

// dense gives the prompts of dense zero-shot heads with their mask values; it needs a class free of defects to
// stand for background.
func (b *suiteBuilder) dense() (text [][]float32, values []int, ok bool) {
	if b.Text == nil || b.Good == "" {
		return nil, nil, false
	}
	for i, c := range b.Classes {
		text = append(text, b.Text.Classes[i])
		if c == b.Good {
			values, ok = append(values, dataset.Background), true
		} else {
			values = append(values, i+1)
		}
	}
	return text, values, ok
}

func (b *suiteBuilder) detection() {
	if !slices.ContainsFunc(b.train, func(f Features) bool { return len(f.Sample.Boxes) > 0 }) {
		return
	}
	k := len(b.Classes)
	linear, err := TrainBoxHead(b.name("detect-linear"), b.layout, []encoder.Tap{encoder.Tokens}, b.train, k, nil, b.training(10, 256, 0.005))
	keep(b, linear, err)
	boxes, err := TrainBoxHead(b.name("detect-mlp-skips"), b.layout, b.skips(), b.train, k, []int{96}, b.training(12, 256, 0.003))
	keep(b, boxes, err)
	if b.pixels != nil {
		b.heads = append(b.heads, NewPixelBoxes(b.name("detect-pixels"), b.pixels))
	}
	proto, err := NewPrototypeBoxes(b.name("detect-prototypes"), b.layout, b.skips()[:1], b.train, k)
	keep(b, proto, err)
	if h := b.denseZeroShot("detect-regions-zeroshot"); h != nil {
		b.heads = append(b.heads, NewRegions(h))
	}
}
