package system

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// replyMask is one mask of an answer: a PNG or run lengths.
type replyMask struct {
	PNG    []byte          `json:"png"` // base64 in JSON
	Label  *label          `json:"label"`
	Size   []int           `json:"size"`
	Counts json.RawMessage `json:"counts"`
}

// mostMasks bounds the masks of one answer.
const mostMasks = 1 << 12

func (r Reader) mask(a reply, width, height int) (head.Output, error) {
	raw := bytes.TrimSpace(a.Mask)
	if len(raw) == 0 || string(raw) == "null" {
		return head.Output{}, missing("mask")
	}
	if raw[0] != '[' {
		raw = append(append([]byte("["), raw...), ']')
	}
	var masks []replyMask
	if err := json.Unmarshal(raw, &masks); err != nil {
		return head.Output{}, fmt.Errorf("mask: %w", err)
	}
	if len(masks) > mostMasks {
		return head.Output{}, fmt.Errorf("%d masks, at most %d are read", len(masks), mostMasks)
	}
	all := dataset.NewMask(width, height)
	for i, m := range masks {
		if err := r.paint(all, m); err != nil {
			return head.Output{}, fmt.Errorf("mask %d: %w", i, err)
		}
	}
	return head.Output{Label: -1, Mask: all}, nil
}

// paint puts one mask over what is there.
func (r Reader) paint(all *dataset.Mask, m replyMask) error {
	if m.PNG != nil && m.Label == nil {
		return r.paintIndexed(all, m.PNG)
	}
	if m.Label == nil {
		return missing("label")
	}
	class, err := r.index(*m.Label)
	if err != nil {
		return err
	}
	if m.Counts != nil {
		rle, err := json.Marshal(map[string]any{"size": m.Size, "counts": m.Counts})
		if err != nil {
			return err
		}
		return all.PaintRuns(rle, uint16(class+1))
	}
	grey, err := greyPNG(m.PNG, all.Width, all.Height)
	if err != nil {
		return err
	}
	for i, v := range grey {
		if v >= 128 {
			all.Pix[i] = uint16(class + 1)
		}
	}
	return nil
}

func (r Reader) paintIndexed(all *dataset.Mask, raw []byte) error {
	grey, err := greyPNG(raw, all.Width, all.Height)
	if err != nil {
		return err
	}
	for i, v := range grey {
		if v == 0 {
			all.Pix[i] = dataset.Background
			continue
		}
		class, err := r.Classes.at(int(v) - 1)
		if err != nil {
			return fmt.Errorf("pixel value %d: %w", v, err)
		}
		all.Pix[i] = uint16(class + 1)
	}
	return nil
}

// greyPNG decodes a grey picture of the given size.
func greyPNG(raw []byte, width, height int) ([]uint8, error) {
	p, err := dataset.DecodeImage(raw)
	if err != nil {
		return nil, fmt.Errorf("png: %w", err)
	}
	if p.Rect.Dx() != width || p.Rect.Dy() != height {
		return nil, fmt.Errorf("png: %d×%d pixels for an image of %d×%d", p.Rect.Dx(), p.Rect.Dy(), width, height)
	}
	out := make([]uint8, width*height)
	for i := range out {
		q := p.Pix[4*i : 4*i+3]
		if q[0] != q[1] || q[0] != q[2] {
			return nil, fmt.Errorf("png: pixel %d is coloured (%d, %d, %d); a mask is grey", i, q[0], q[1], q[2])
		}
		out[i] = q[0]
	}
	return out, nil
}
