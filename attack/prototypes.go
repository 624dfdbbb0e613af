package attack

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// BuildPrototypes clusters images by their last block's patch tokens and returns, per cluster, the mean
// of its images' normalised token maps: the prototypes of PA-Attack (arXiv 2602.19418), which takes 20
// of 3,000 images. The released code clusters principal components of the maps; here k-means runs on
// the maps themselves. Empty clusters are left out.
func BuildPrototypes(ctx context.Context, enc encoder.Encoder, images []*tensor.Dense, k int, seed uint64) ([][]float32, error) {
	if k < 1 || k > len(images) {
		return nil, fmt.Errorf("attack: %d prototypes of %d images", k, len(images))
	}
	prefix := enc.Spec().Prefix()
	var maps [][]float32
	for i, img := range images {
		tr, err := enc.Trace(ctx, []*tensor.Dense{img}, encoder.Tokens)
		if err != nil {
			return nil, fmt.Errorf("attack: prototype image %d: %w", i, err)
		}
		a := tr.Activation(0)
		v, err := view(a, "patch", prefix)
		if err != nil {
			tr.Close()
			return nil, err
		}
		m := append([]float32(nil), floats(a)[v.lo*v.row:v.hi*v.row]...)
		tr.Close()
		if len(maps) > 0 && len(m) != len(maps[0]) {
			return nil, fmt.Errorf("attack: prototype image %d has %d token values, the first %d", i, len(m), len(maps[0]))
		}
		normaliseRows(m, v.d)
		maps = append(maps, m)
	}
	centres, _ := kmeans(maps, k, rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)))
	return centres, nil
}

// normaliseRows scales every row of d values to unit length.
func normaliseRows(m []float32, d int) {
	for at := 0; at < len(m); at += d {
		if n := norm2(m[at : at+d]); n > tiny {
			for i := range d {
				m[at+i] = float32(float64(m[at+i]) / n)
			}
		}
	}
}

// kmeans is Lloyd's algorithm from k-means++ seeds. It returns the centres that have points, and every
// point's centre.
func kmeans(points [][]float32, k int, rng *rand.Rand) (centres [][]float32, of []int) {
	of = make([]int, len(points))
	centres = seeds(points, k, rng)
	for range 50 {
		changed := false
		for i, p := range points {
			c, _ := closest(p, centres)
			changed = changed || of[i] != c
			of[i] = c
		}
		centres = means(points, of, len(centres))
		if !changed {
			break
		}
	}
	full := centres[:0:0]
	index := make([]int, len(centres))
	for c, m := range centres {
		index[c] = len(full)
		if m != nil {
			full = append(full, m)
		}
	}
	for i := range of {
		of[i] = index[of[i]]
	}
	return full, of
}

// seeds chooses k points far from each other (k-means++, Arthur & Vassilvitskii, SODA 2007).
func seeds(points [][]float32, k int, rng *rand.Rand) [][]float32 {
	list := [][]float32{points[rng.IntN(len(points))]}
	far := make([]float64, len(points))
	for len(list) < k {
		total := 0.0
		for i, p := range points {
			_, far[i] = closest(p, list)
			total += far[i]
		}
		if total == 0 {
			break
		}
		at, pick := rng.Float64()*total, len(points)-1
		for i, f := range far {
			if at -= f; at < 0 {
				pick = i
				break
			}
		}
		list = append(list, points[pick])
	}
	return list
}

// closest returns the nearest centre and its squared distance; centres without points are nil.
func closest(p []float32, centres [][]float32) (best int, dist float64) {
	dist = -1
	for c, m := range centres {
		if m == nil {
			continue
		}
		s := 0.0
		for i, v := range p {
			d := float64(v) - float64(m[i])
			s += d * d
		}
		if dist < 0 || s < dist {
			best, dist = c, s
		}
	}
	return best, dist
}

// means returns the mean of every cluster's points, nil for none.
func means(points [][]float32, of []int, k int) [][]float32 {
	out := make([][]float32, k)
	for c := range out {
		sum, n := make([]float64, len(points[0])), 0
		for i, p := range points {
			if of[i] != c {
				continue
			}
			n++
			for j, v := range p {
				sum[j] += float64(v)
			}
		}
		if n == 0 {
			continue
		}
		out[c] = make([]float32, len(sum))
		for j, s := range sum {
			out[c][j] = float32(s / float64(n))
		}
	}
	return out
}
