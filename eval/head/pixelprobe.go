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
	name string
	cfg  pixelProbeConfig
	net  *net
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
	h := &PixelProbe{name: name, cfg: pixelProbeConfig{s, fine, classes + 1}}
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

// Name, Task and Taps implement [Head].
func (h *PixelProbe) Name() string        { return h.name }
func (h *PixelProbe) Task() Task          { return Segmentation }
func (h *PixelProbe) Taps() []encoder.Tap { return h.cfg.Skips.Taps }

// Predict implements [Head].
func (h *PixelProbe) Predict(in Input) (Output, error) {
	return predictMask(h, h.cfg.finer(), in)
}

// Scores implements [Differentiable]: a row of 1+classes logits, background first, for every cell of the fine
// grid, row-major.
func (h *PixelProbe) Scores(in Input) (Activation, error) {
	a, err := h.cfg.Skips.vectors(h.name, in)
	if err != nil {
		return a, err
	}
	order, values := h.cfg.order(), h.cfg.Values
	out := Matrix(len(order), values, make([]float32, len(order)*values))
	y, _ := h.net.forward(a.Data)
	for c, at := range order { // cells of a patch lie one after another
		copy(out.Row(at), y[c*values:(c+1)*values])
	}
	return out, nil
}

// VJP implements [Differentiable].
func (h *PixelProbe) VJP(in Input, dScores []float32) ([]Activation, error) {
	a, err := h.cfg.Skips.vectors(h.name, in)
	if err != nil {
		return nil, err
	}
	order, values := h.cfg.order(), h.cfg.Values
	if err := checkCotangent(h.name, dScores, len(order)*values); err != nil {
		return nil, err
	}
	d := make([]float32, len(dScores))
	for c, at := range order {
		copy(d[c*values:], dScores[at*values:][:values])
	}
	_, pre := h.net.forward(a.Data)
	return h.cfg.Skips.back(in, Matrix(a.Shape[0], a.Shape[1], h.net.vjp(pre, d))), nil
}

// Decisions implements [Attackable]: every cell's mask value.
func (h *PixelProbe) Decisions(_ []Output, t Truth) ([]Decisions, error) {
	return ofMask(h.name, h.cfg.finer(), h.cfg.Values, t)
}

func (h *PixelProbe) state() (*state, error) {
	return newState(kindPixelProbe, h.name, h.cfg, func(s *state) {
		h.net.save(s, "")
	})
}

func loadPixelProbe(s *state) (Head, error) {
	h := &PixelProbe{name: s.Name}
	if err := s.config(&h.cfg); err != nil {
		return nil, err
	}
	c := h.cfg
	if err := c.Skips.validate(s.Name); err != nil {
		return nil, err
	}
	if c.Fine < 1 || c.Fine > maxFine || c.Values < 2 || c.Values > pixelmap.Unlabelled {
		return nil, fmt.Errorf("head %s: %d cells a side of a patch, %d values", s.Name, c.Fine, c.Values)
	}
	if err := c.finer().validate(s.Name); err != nil {
		return nil, err
	}
	var err error
	h.net, err = loadNet(s, "", []int{c.Skips.width(), c.Fine * c.Fine * c.Values})
	return h, err
}
