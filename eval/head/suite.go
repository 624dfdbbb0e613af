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
		taps = append(taps, encoder.Values(s.dense()), encoder.AttentionOut(s.dense()))
	}
	return taps
}

// dense is the block of which dense zero-shot heads take the values: the last but one. In the last the values of
// surfaces-tiny's patches already tell of the whole image (mIoU 0.13 there, 0.23 here; defective patches are told
// from others with an AUROC of 0.70 and 0.96; 140 drawn surfaces).
func (s Suite) dense() int { return max(s.Spec.Depth-2, 0) }

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

// add makes a head and takes it, or its error.
func add(b *suiteBuilder, name string, make func(name string) (Head, error)) {
	h, err := make(b.Prefix + name)
	if err != nil {
		b.errs = append(b.errs, &BuildError{b.Prefix + name, err})
		return
	}
	b.heads = append(b.heads, h)
}

// BuildError says which head could not be made.
type BuildError struct {
	Head string
	Err  error
}

func (e *BuildError) Error() string { return fmt.Sprintf("head %s: %v", e.Head, e.Err) }

// Unwrap gives the reason.
func (e *BuildError) Unwrap() error { return e.Err }

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
		add(b, "classify-zeroshot", func(name string) (Head, error) {
			return NewZeroShot(name, b.Text.Classes, b.Text.Scale)
		})
	}
	add(b, "classify-linear", func(name string) (Head, error) {
		return TrainProbe(name, b.embed, feats, k, nil, b.training(60, 64, 0.005))
	})
	add(b, "classify-linear-tokens", func(name string) (Head, error) {
		return TrainProbe(name, b.tokens, feats, k, nil, b.training(60, 64, 0.005))
	})
	add(b, "classify-mlp", func(name string) (Head, error) {
		return TrainProbe(name, b.tokens, feats, k, []int{64}, b.training(40, 64, 0.003))
	})
	add(b, "classify-knn", func(name string) (Head, error) {
		return NewKNN(name, b.embed, feats, k, 10)
	})
	add(b, "classify-prototypes", func(name string) (Head, error) {
		return NewPrototypes(name, b.embed, feats, k)
	})
}

// good are the images free of defects.
func (b *suiteBuilder) good() []Features {
	return slices.DeleteFunc(b.labelled(), func(f Features) bool { return b.Classes[f.Sample.Label] != b.Good })
}

// densePatches is the share of the patches of good images that dense zero-shot heads take for defects.
const densePatches = 0.02

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
		add(b, m.name, func(name string) (Head, error) {
			h, err := NewMemory(name, b.layout, m.taps, fitted, share, b.Seed)
			if err != nil {
				return nil, err
			}
			return h.Calibrate(held, 0.05)
		})
	}
	add(b, "anomaly-mahalanobis", func(name string) (Head, error) {
		h, err := NewMahalanobis(name, b.tokens, fitted)
		if err != nil {
			return nil, err
		}
		return h.Calibrate(held, 0.05)
	})
}

func (b *suiteBuilder) segmentation() {
	if !slices.ContainsFunc(b.train, func(f Features) bool { return f.Sample.Mask != nil && len(f.Sample.Mask.Boxes(1)) > 0 }) {
		return
	}
	k := len(b.Classes)
	add(b, "segment-linear", func(name string) (Head, error) {
		return TrainDenseProbe(name, b.layout, []encoder.Tap{encoder.Tokens}, b.train, k, nil, b.training(8, 256, 0.005))
	})
	add(b, "segment-mlp-skips", func(name string) (Head, error) {
		return TrainDenseProbe(name, b.layout, b.skips(), b.train, k, []int{64}, b.training(8, 256, 0.003))
	})
	add(b, "segment-pixels", func(name string) (Head, error) {
		h, err := TrainPixelProbe(name, b.layout, []encoder.Tap{encoder.Tokens}, b.train, k, b.fine(), b.training(8, 256, 0.005))
		if err == nil {
			b.pixels = h
		}
		return h, err
	})
	add(b, "segment-knn", func(name string) (Head, error) {
		return NewDenseKNN(name, b.layout, b.skips()[:1], b.train, k, 7, 100, b.Seed)
	})
	if _, _, ok := b.prompts(); ok {
		add(b, "segment-zeroshot", func(name string) (Head, error) { return b.denseZeroShot(name) })
	}
}

// denseZeroShot builds a dense zero-shot head.
func (b *suiteBuilder) denseZeroShot(name string) (*DenseZeroShot, error) {
	text, values, _ := b.prompts()
	var p *Projection
	var err error
	if b.Spec.CLS {
		p, err = FitValueProjection(b.layout, b.Suite.dense(), b.train)
	} else {
		p, err = FitProjection(b.layout, encoder.Tokens, b.train)
	}
	if err != nil {
		return nil, err
	}
	h, err := NewDenseZeroShot(name, b.layout, p, text, values, len(b.Classes), b.Text.Scale)
	if good := b.good(); err == nil && len(good) > 0 {
		h, err = h.Calibrate(good, densePatches)
	}
	return h, err
}

// prompts gives the prompts of dense zero-shot heads with their mask values; it needs a class free of defects to
// stand for background.
func (b *suiteBuilder) prompts() (text [][]float32, values []int, ok bool) {
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
	add(b, "detect-linear", func(name string) (Head, error) {
		return TrainBoxHead(name, b.layout, []encoder.Tap{encoder.Tokens}, b.train, k, nil, b.training(10, 256, 0.005))
	})
	add(b, "detect-mlp-skips", func(name string) (Head, error) {
		return TrainBoxHead(name, b.layout, b.skips(), b.train, k, []int{96}, b.training(12, 256, 0.003))
	})
	if b.pixels != nil {
		add(b, "detect-pixels", func(name string) (Head, error) { return NewPixelBoxes(name, b.pixels), nil })
	}
	add(b, "detect-prototypes", func(name string) (Head, error) {
		return NewPrototypeBoxes(name, b.layout, b.skips()[:1], b.train, k)
	})
	if _, _, ok := b.prompts(); ok {
		add(b, "detect-regions-zeroshot", func(name string) (Head, error) {
			h, err := b.denseZeroShot(name)
			if err != nil {
				return nil, err
			}
			return NewRegions(h), nil
		})
	}
}
