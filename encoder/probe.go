package encoder

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/internal/graph"
)

// probed is a token layout found by changing pixels.
type probed struct {
	grid   [2]int
	prefix int
}

// probe finds the patch grid by experiment: a pixel in a corner of the image changes the token of the patch
// in that corner. It works for whatever operators cut the patches, if they are kept in rows from the top
// left.
func (m *Model) probe() (probed, error) {
	p, err := m.programFor([]Tap{Stem}, false)
	if err != nil {
		return probed{}, err
	}
	s, err := p.state()
	if err != nil {
		return probed{}, err
	}
	defer p.release(s)
	in, out := s.Values(p.input), p.outs[0]
	rng := rand.New(rand.NewPCG(1, 2))
	base := make([]float32, len(in))
	for i := range base {
		base[i] = rng.Float32() - 0.5
	}
	var ref []float32
	run := func(y, x int) (tokens []int, err error) { // tokens that change with pixel (y, x)
		copy(in, base)
		h, w := m.spec.ImageSize[0], m.spec.ImageSize[1]
		if y >= 0 {
			for c := range len(in) / (h * w) {
				in[c*h*w+y*w+x] += 1
			}
		}
		if err := s.Forward(context.Background()); err != nil {
			return nil, err
		}
		v := s.Values(out)
		if y < 0 {
			ref = append([]float32(nil), v...)
			return nil, nil
		}
		return changed(ref, v, graph.Size(out.Shape)/max(m.spec.Tokens, 1)), nil
	}
	if _, err := run(-1, 0); err != nil {
		return probed{}, err
	}
	return m.corners(run)
}

// changed lists the rows of width elements in which a and b differ.
func changed(a, b []float32, width int) (rows []int) {
	for r := range len(a) / width {
		for i := r * width; i < (r+1)*width; i++ {
			if a[i] != b[i] {
				rows = append(rows, r)
				break
			}
		}
	}
	return rows
}

// maxMargin is how many pixels at the right and bottom may belong to no patch.
const maxMargin = 64

var errNoGrid = errors.New("the tokens do not form a grid of patches")

// corners reads the grid off the tokens of three corners; pixels of a remainder at the right and bottom are
// passed over.
func (m *Model) corners(run func(y, x int) ([]int, error)) (probed, error) {
	h, w := m.spec.ImageSize[0], m.spec.ImageSize[1]
	first, err := run(0, 0)
	if err != nil || len(first) == 0 {
		return probed{}, errNoGrid
	}
	var right, end []int
	x, y := w-1, h-1
	for ; x > max(w-maxMargin, 0) && len(right) == 0; x-- {
		if right, err = run(0, x); err != nil {
			return probed{}, err
		}
	}
	for ; y > max(h-maxMargin, 0) && len(end) == 0; y-- {
		if end, err = run(y, x+1); err != nil {
			return probed{}, err
		}
	}
	if len(right) == 0 || len(end) == 0 {
		return probed{}, errNoGrid
	}
	last := right[0] // the first run of neighbours ends with the first row of patches
	for _, t := range right[1:] {
		if t != last+1 {
			break
		}
		last = t
	}
	prefix, cols := first[0], last-first[0]+1
	patches := end[len(end)-1] - prefix + 1
	if cols < 1 || patches%cols != 0 || prefix+patches > m.spec.Tokens {
		return probed{}, errNoGrid
	}
	rows := patches / cols
	if h/rows != w/cols {
		return probed{}, errNoGrid
	}
	return probed{[2]int{rows, cols}, prefix}, nil
}
