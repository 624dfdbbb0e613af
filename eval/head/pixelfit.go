package head

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/internal/pixelmap"
	"github.com/plumbline-ml/plumbline/internal/train"
)

// labels are the mask values of an image's cells, patch by patch: each the commonest of the cell's pixels.
func (h *PixelProbe) labels(s *dataset.Sample) ([]uint8, error) {
	p, err := h.cfg.finer().over(h.name, s.Width, s.Height)
	if err != nil {
		return nil, err
	}
	out := make([]uint8, p.Rows*p.Cols)
	if s.Mask == nil {
		return out, nil // an image without annotation shows background only
	}
	shares := p.shares(s.Mask, h.cfg.Values)
	for i, at := range h.cfg.order() {
		out[i] = pixelmap.Unlabelled
		if k := argmaxPositive(shares[at]); k >= 0 {
			out[i] = uint8(k)
			continue
		}
		x, y := p.centre(at) // a cell that holds no pixel's centre takes the pixel it lies in
		px, py := min(max(int(x), 0), s.Width-1), min(max(int(y), 0), s.Height-1)
		if v := int(s.Mask.Pix[py*s.Width+px]); v < h.cfg.Values {
			out[i] = uint8(v)
		}
	}
	return out, nil
}

// fit trains on all patches of all images.
func (h *PixelProbe) fit(acts []Activation, labels [][]uint8, how Training) error {
	if how.Epochs == 0 {
		how.Epochs = 8
	}
	if how.Batch == 0 {
		how.Batch = 256
	}
	if how.Rate == 0 {
		how.Rate = 0.005
	}
	how, err := how.filled()
	if err != nil {
		return fmt.Errorf("head %s: %w", h.name, err)
	}
	cells, width := h.cfg.Fine*h.cfg.Fine, h.cfg.Skips.width()
	m := pixelmap.New(width, cells, h.cfg.Values)
	if h.net, err = newNet([]int{width, m.Outputs()}, how.Seed); err != nil {
		return fmt.Errorf("head %s: %w", h.name, err)
	}
	var rows [][]float32
	for _, a := range acts {
		for t := range a.Shape[0] {
			rows = append(rows, a.Row(t))
		}
	}
	h.net.standardise(rows)
	m.Balance(rarity, labels...)
	perImage := len(rows) / len(acts)
	d := pixelDescent{m: m, how: how, row: func(i int) ([]float32, []uint8) {
		k := i % perImage
		return h.net.scaled(rows[i]), labels[i/perImage][k*cells : (k+1)*cells]
	}}
	if err := d.run(len(rows)); err != nil {
		return fmt.Errorf("head %s: %w", h.name, err)
	}
	h.net.layers[0] = dense{m.Matrix.Value, m.Bias.Value}
	h.net.changed()
	return nil
}

// pixelDescent is the training of a map on rows.
type pixelDescent struct {
	m   *pixelmap.Map
	how Training
	row func(i int) ([]float32, []uint8)
}

func (d pixelDescent) run(n int) error {
	batch := min(d.how.Batch, n)
	params := []*train.Param{d.m.Matrix, d.m.Bias}
	opt, rng, steps := train.NewAdamW(params, d.how.Decay), rand.New(rand.NewPCG(d.how.Seed, 0x706978)), d.how.Epochs*(n/batch)
	dLogits := make([]float32, batch*d.m.Outputs())
	var order []int
	for s := range steps {
		if len(order) < batch {
			order = rng.Perm(n)
		}
		var x []float32
		var labels []uint8
		for _, i := range order[:batch] {
			v, l := d.row(i)
			x, labels = append(x, v...), append(labels, l...)
		}
		order = order[batch:]
		train.ZeroGrad(params)
		loss := d.m.Loss(x, labels, 1/float64(len(labels)), nil, dLogits)
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return fmt.Errorf("the loss became %v in step %d: lower the learning rate %v", loss, s, d.how.Rate)
		}
		d.m.Accumulate(x, dLogits)
		opt.Step(s, d.how.Rate*0.5*(1+math.Cos(math.Pi*float64(s)/float64(steps))))
	}
	return nil
}
