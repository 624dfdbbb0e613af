package head

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
)

// skips is a list of token taps whose vectors are put side by side, patch by patch.
type skips struct {
	Taps   []encoder.Tap `json:"taps"`
	Widths []int         `json:"widths"`
	Layout Layout        `json:"layout"`
}

// newSkips takes the widths from the first image's activations.
func newSkips(head string, layout Layout, taps []encoder.Tap, feats []Features) (skips, error) {
	s := skips{Taps: taps, Layout: layout}
	if len(taps) == 0 || len(feats) == 0 {
		return s, fmt.Errorf("head %s: %d taps and %d images", head, len(taps), len(feats))
	}
	for _, t := range taps {
		a, ok := feats[0].Acts[t]
		if !ok || len(a.Shape) != 2 {
			return s, fmt.Errorf("head %s: image %s has no tokens at tap %q", head, feats[0].Sample.ID, t)
		}
		s.Widths = append(s.Widths, a.Shape[1])
	}
	return s, s.validate(head)
}

func (s skips) validate(head string) error {
	if len(s.Taps) == 0 || len(s.Taps) != len(s.Widths) || len(s.Taps) > 64 {
		return fmt.Errorf("head %s: %d taps with %d widths", head, len(s.Taps), len(s.Widths))
	}
	for _, w := range s.Widths {
		if w < 1 || w > 1<<20 {
			return fmt.Errorf("head %s: token width %d", head, w)
		}
	}
	return s.Layout.validate(head)
}

func (s skips) width() int {
	sum := 0
	for _, w := range s.Widths {
		sum += w
	}
	return sum
}

// vectors are the joined vectors of the patches.
func (s skips) vectors(head string, in Input) (Activation, error) {
	n, width := s.Layout.Rows*s.Layout.Cols, s.width()
	out := Matrix(n, width, make([]float32, n*width))
	at := 0
	for i, w := range s.Widths {
		a, err := s.Layout.patches(head, in, i, w)
		if err != nil {
			return out, err
		}
		for t := range n {
			copy(out.Row(t)[at:at+w], a.Row(t))
		}
		at += w
	}
	return out, nil
}

// back splits the gradient of the joined vectors among the taps.
func (s skips) back(in Input, d Activation) []Activation {
	var out []Activation
	at := 0
	for i, w := range s.Widths {
		part := make([]float32, 0, d.Shape[0]*w)
		for t := range d.Shape[0] {
			part = append(part, d.Row(t)[at:at+w]...)
		}
		out = append(out, s.Layout.unpatch(in, i, part))
		at += w
	}
	return out
}

// of gives the vectors of every image.
func (s skips) of(head string, feats []Features) ([]Activation, error) {
	out := make([]Activation, len(feats))
	for i := range feats {
		in, err := feats[i].Input(s.Taps)
		if err != nil {
			return nil, fmt.Errorf("head %s: %w", head, err)
		}
		if out[i], err = s.vectors(head, in); err != nil {
			return nil, fmt.Errorf("%w (image %s)", err, feats[i].Sample.ID)
		}
	}
	return out, nil
}

// joined puts the taps of every image side by side.
func joined(head string, layout Layout, taps []encoder.Tap, feats []Features) (skips, []Activation, error) {
	s, err := newSkips(head, layout, taps, feats)
	if err != nil {
		return s, nil, err
	}
	acts, err := s.of(head, feats)
	return s, acts, err
}

// blurred averages every patch with its neighbours in the 3×3 square around it, as far as they exist. Its
// transpose is blurredBack.
func (l Layout) blurred(a Activation) Activation {
	out := a.Zeros()
	l.neighbours(func(to, from int, w float32) {
		dst := out.Row(to)
		for j, v := range a.Row(from) {
			dst[j] += w * v
		}
	})
	return out
}

func (l Layout) blurredBack(d Activation) Activation {
	out := d.Zeros()
	l.neighbours(func(to, from int, w float32) {
		dst := out.Row(from)
		for j, v := range d.Row(to) {
			dst[j] += w * v
		}
	})
	return out
}

// neighbours calls f for every patch and every patch of the square around it, with the weight of the mean.
func (l Layout) neighbours(f func(to, from int, w float32)) {
	for r := range l.Rows {
		for c := range l.Cols {
			r0, r1 := max(r-1, 0), min(r+1, l.Rows-1)
			c0, c1 := max(c-1, 0), min(c+1, l.Cols-1)
			w := 1 / float32((r1-r0+1)*(c1-c0+1))
			for y := r0; y <= r1; y++ {
				for x := c0; x <= c1; x++ {
					f(r*l.Cols+c, y*l.Cols+x, w)
				}
			}
		}
	}
}
