package certify

import (
	"context"
	"fmt"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
)

// DoubleMask is PatchCleanser (Xiang, Mahloujifar, Mittal, USENIX Security 2022, arXiv 2108.09135): a label that a square
// patch of Patch×Patch pixels anywhere, of any content, cannot change. Masks hide a part of the picture each so that one of
// them covers any patch whole; labels under one and two masks show where a patch acts.
type DoubleMask struct {
	Patch int        // side of the patch, source pixels
	Masks int        // masks along each axis; the paper uses 6
	Fill  [3]float32 // colour of the masks; the encoder's mean is neutral
	Batch int        // pictures in a call of the classifier; 0 means 32
}

// Rect is a mask: rows Y0 … Y1−1, columns X0 … X1−1.
type Rect struct{ Y0, X0, Y1, X1 int }

// Case tells how a label was reached (algorithm 1 of the paper).
type Case string

const (
	Agreed    Case = "all one-mask labels agree"
	Minority  Case = "a disagreeing mask keeps its label under every second mask"
	Majority  Case = "no disagreeing mask keeps its label; the majority's is taken"
	maxMasks       = 32
	maxImages      = 1 << 20
)

// Set returns the masks for a picture of h×w: with stride s = ⌈(n−p+1)/k⌉ masks of side p+s−1 begin every s pixels, so that
// each place of a patch is inside one (lemma 2 of the paper).
func (d DoubleMask) Set(h, w int) ([]Rect, error) {
	if d.Masks < 1 || d.Masks > maxMasks {
		return nil, fmt.Errorf("certify: %d masks along an axis, want 1…%d", d.Masks, maxMasks)
	}
	if d.Patch < 1 || d.Patch > min(h, w) {
		return nil, fmt.Errorf("certify: a patch of %d pixels does not fit in %d×%d", d.Patch, h, w)
	}
	ys, hh := d.axis(h)
	xs, ww := d.axis(w)
	var out []Rect
	for _, y := range ys {
		for _, x := range xs {
			out = append(out, Rect{y, x, y + hh, x + ww})
		}
	}
	return out, nil
}

// axis returns where masks begin along n pixels, and their side.
func (d DoubleMask) axis(n int) (begin []int, side int) {
	s := (n - d.Patch + d.Masks) / d.Masks // ⌈(n−p+1)/k⌉
	side = min(d.Patch+s-1, n)
	for i := 0; i < n-side; i += s {
		begin = append(begin, i)
	}
	return append(begin, n-side), side
}

// Certify reports whether label is safe for this picture: if the classifier gives it under every pair of masks, then
// Predict gives it for every picture that differs from this one inside one patch (theorem 1 of the paper).
func (d DoubleMask) Certify(ctx context.Context, f Classifier, image *tensor.Dense, label int) (bool, error) {
	m, err := d.masker(f, image)
	if err != nil {
		return false, err
	}
	var pairs [][2]int
	for i := range m.masks {
		for j := i; j < len(m.masks); j++ {
			pairs = append(pairs, [2]int{i, j})
		}
	}
	for len(pairs) > 0 {
		n := min(len(pairs), m.batch)
		labels, err := m.labels(ctx, pairs[:n])
		if err != nil {
			return false, err
		}
		for _, l := range labels {
			if l != label {
				return false, nil
			}
		}
		pairs = pairs[n:]
	}
	return true, nil
}

// Predict returns the label under the defence and how it was reached.
func (d DoubleMask) Predict(ctx context.Context, f Classifier, image *tensor.Dense) (int, Case, error) {
	m, err := d.masker(f, image)
	if err != nil {
		return Abstain, "", err
	}
	single := make([][2]int, len(m.masks))
	for i := range single {
		single[i] = [2]int{i, i}
	}
	first, err := m.labels(ctx, single)
	if err != nil {
		return Abstain, "", err
	}
	counts := map[int]int{}
	for _, l := range first {
		counts[l]++
	}
	majority, other := topTwo(counts)
	if other == Abstain {
		return majority, Agreed, nil
	}
	for i, l := range first {
		if l == majority {
			continue
		}
		pairs := make([][2]int, len(m.masks))
		for j := range pairs {
			pairs[j] = [2]int{i, j}
		}
		second, err := m.labels(ctx, pairs)
		if err != nil {
			return Abstain, "", err
		}
		if allEqual(second, l) {
			return l, Minority, nil
		}
	}
	return majority, Majority, nil
}

func allEqual(labels []int, l int) bool {
	for _, x := range labels {
		if x != l {
			return false
		}
	}
	return true
}

// masker labels one picture under pairs of masks.
type masker struct {
	f     Classifier
	src   defense.Picture
	masks []Rect
	fill  [3]float32
	batch int
}

func (d DoubleMask) masker(f Classifier, image *tensor.Dense) (*masker, error) {
	src, err := defense.PictureOf(image)
	if err != nil {
		return nil, err
	}
	masks, err := d.Set(src.H, src.W)
	if err != nil {
		return nil, err
	}
	if d.Batch < 0 || d.Batch > maxImages {
		return nil, fmt.Errorf("certify: batch is %d", d.Batch)
	}
	m := &masker{f: f, src: src, masks: masks, fill: d.Fill, batch: d.Batch}
	if m.batch == 0 {
		m.batch = 32
	}
	return m, nil
}

// labels classifies the picture under each pair, in batches.
func (m *masker) labels(ctx context.Context, pairs [][2]int) ([]int, error) {
	var out []int
	for len(pairs) > 0 {
		n := min(len(pairs), m.batch)
		images := make([]*tensor.Dense, n)
		for i, p := range pairs[:n] {
			pic := defense.NewPicture(m.src.H, m.src.W)
			copy(pic.Pix, m.src.Pix)
			m.hide(pic, m.masks[p[0]])
			m.hide(pic, m.masks[p[1]])
			images[i] = pic.Tensor()
		}
		labels, err := classify(ctx, m.f, images)
		if err != nil {
			return nil, err
		}
		out, pairs = append(out, labels...), pairs[n:]
	}
	return out, nil
}

func (m *masker) hide(p defense.Picture, r Rect) {
	for c := range 3 {
		for y := r.Y0; y < r.Y1; y++ {
			row := p.Pix[(c*p.H+y)*p.W:]
			for x := r.X0; x < r.X1; x++ {
				row[x] = m.fill[c]
			}
		}
	}
}
