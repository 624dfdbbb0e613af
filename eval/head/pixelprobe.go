package head

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/internal/pixelmap"
)

const kindPixelProbe = "pixelprobe"

// PixelProbe segments an image finer than the patch grid and is still linear: one matrix takes a patch's
// vectors to logits of every cell of a square grid in the patch, as in sub-pixel convolution (Shi et al.,
// arXiv 1609.05158). A head with one label per patch cannot draw what is thinner than a patch.
type PixelProbe struct {
	patchNet
	cfg pixelProbeConfig
}

type pixelProbeConfig struct {
	Skips  skips `json:"skips"`
	Fine   int   `json:"fine"`   // cells a side of a patch
	Values int   `json:"values"` // 1 + classes
}

// maxFine bounds the cells a side of a patch.
const maxFine = 64

// rarity is the power of a class's rarity that it weighs with. Cross-entropy alone leaves rare classes out;
// the mean over classes of the IoU counts each alike, but punishes pixels that are given away to them.
const rarity = 0.3

// TrainPixelProbe fits the map by cross-entropy with AdamW; rarer classes weigh more. fine is the number of cells
// a side of a patch; with as many as a patch has source pixels, every pixel has its own logits. Images without a
// mask count as background. Defaults: 8 epochs of 256 patches at a rate of 0.005.
func TrainPixelProbe(name string, layout Layout, taps []encoder.Tap, feats []Features, classes, fine int, how Training) (*PixelProbe, error) {
	if fine < 1 || fine > maxFine || classes < 1 || classes >= pixelmap.Unlabelled {
		return nil, fmt.Errorf("head %s: %d cells a side of a patch, %d classes", name, fine, classes)
	}
	s, acts, err := joined(name, layout, taps, feats)
	if err != nil {
		return nil, err
	}
	h := &PixelProbe{patchNet{name: name, skips: s}, pixelProbeConfig{s, fine, classes + 1}}
	labels := make([][]uint8, len(feats))
	for i, f := range feats {
		if labels[i], err = h.labels(f.Sample); err != nil {
			return nil, err
		}
	}
	return h, h.fit(acts, labels, how)
}

// finer is the layout of the cells.
func (c pixelProbeConfig) finer() Layout {
	l := c.Skips.Layout
	l.Rows, l.Cols = l.Rows*c.Fine, l.Cols*c.Fine
	return l
}

// order gives, patch by patch, the index of each of its cells on the fine grid.
func (c pixelProbeConfig) order() []int {
	l, fine := c.Skips.Layout, c.finer()
	at := make([]int, 0, fine.Rows*fine.Cols)
	for r := range l.Rows {
		for col := range l.Cols {
			for y := range c.Fine {
				for x := range c.Fine {
					at = append(at, (r*c.Fine+y)*fine.Cols+col*c.Fine+x)
				}
			}
		}
	}
	return at
}

// Task implements [Head].
func (h *PixelProbe) Task() Task { return Segmentation }

// Predict implements [Head].
func (h *PixelProbe) Predict(in Input) (Output, error) {
	return predictMask(h, h.cfg.finer(), in)
}

// Scores implements [Differentiable]: a row of 1+classes logits, background first, for every cell of the fine
// grid, row-major.
func (h *PixelProbe) Scores(in Input) (Activation, error) {
	by, err := h.patchNet.Scores(in)
	if err != nil {
		return by, err
	}
	order, values := h.cfg.order(), h.cfg.Values
	out := Matrix(len(order), values, make([]float32, len(order)*values))
	for k, at := range order {
		copy(out.Row(at), by.Data[k*values:(k+1)*values])
	}
	return out, nil
}

// VJP implements [Differentiable].
func (h *PixelProbe) VJP(in Input, dScores []float32) ([]Activation, error) {
	order, values := h.cfg.order(), h.cfg.Values
	if err := checkCotangent(h.name, dScores, len(order)*values); err != nil {
		return nil, err
	}
	by := make([]float32, 0, len(dScores))
	for _, at := range order {
		by = append(by, dScores[at*values:(at+1)*values]...)
	}
	return h.patchNet.VJP(in, by)
}

// Decisions implements [Attackable]: every cell's mask value.
func (h *PixelProbe) Decisions(_ []Output, t Truth) ([]Decisions, error) {
	return ofMask(h.name, h.cfg.finer(), h.cfg.Values, t)
}

func (h *PixelProbe) state() (*state, error) { return h.stateOf(kindPixelProbe, h.cfg) }

func loadPixelProbe(s *state) (Head, error) {
	h := &PixelProbe{}
	var err error
	h.patchNet, err = loadPatchNet(s, &h.cfg, func() (skips, []int, error) {
		c := h.cfg
		if c.Fine < 1 || c.Fine > maxFine || c.Values < 2 || c.Values > pixelmap.Unlabelled {
			return c.Skips, nil, fmt.Errorf("%d cells a side of a patch, %d values", c.Fine, c.Values)
		}
		return c.Skips, []int{c.Skips.width(), c.Fine * c.Fine * c.Values}, c.finer().validate(s.Name)
	})
	return h, err
}
