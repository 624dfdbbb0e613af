package detect

import (
	"context"
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// TokenKNN scores a picture by how far its patch tokens lie from those of clean pictures: the mean over patches of 1 −
// cosine with the k-th nearest of the remembered tokens (deep k-nearest neighbours: Papernot and McDaniel, arXiv 1803.04765;
// patch memory: Roth et al., arXiv 2106.08265). At most memory tokens are kept, thinned out evenly.
func TokenKNN(ctx context.Context, e encoder.Encoder, tap encoder.Tap, clean []*tensor.Dense, k, memory int) (*Detector, error) {
	acts, err := collect(ctx, e, clean, tap)
	if err != nil {
		return nil, fmt.Errorf("detect: token k-NN: %w", err)
	}
	prefix := e.Spec().Prefix()
	var bank [][]float32
	for _, x := range acts {
		tokens, err := x[0].patches(prefix)
		if err != nil {
			return nil, fmt.Errorf("detect: token k-NN: tap %s: %w", tap, err)
		}
		bank = append(bank, tokens...)
	}
	if k < 1 || k > memory || k > len(bank) {
		return nil, fmt.Errorf("detect: token k-NN: k = %d of a memory of %d and %d clean tokens", k, memory, len(bank))
	}
	bank = thin(bank, memory)
	return &Detector{
		name:  expr.Print("token-knn", k, memory, tap),
		terms: []term{{e, []encoder.Tap{tap}}},
		measure: func(x [][]activation, want bool) (float64, [][][]float64) {
			return farness(x[0][0], bank, k, prefix, want)
		},
	}, nil
}

// thin keeps at most n of bank, evenly, each at length one.
func thin(bank [][]float32, n int) [][]float32 {
	var out [][]float32
	m := min(n, len(bank))
	for i := range m {
		src := bank[i*len(bank)/m]
		norm := 0.0
		for _, v := range src {
			norm += float64(v) * float64(v)
		}
		u := make([]float32, len(src))
		for d, v := range src {
			if norm > 0 {
				u[d] = float32(float64(v) / math.Sqrt(norm))
			}
		}
		out = append(out, u)
	}
	return out
}

// farness is the mean over patch tokens of 1 − cosine with the k-th nearest of bank.
func farness(a activation, bank [][]float32, k, prefix int, want bool) (float64, [][][]float64) {
	d := a.shape[1]
	n := float64(a.shape[0] - prefix)
	var grad []float64
	if want {
		grad = make([]float64, len(a.v))
	}
	sum := 0.0
	near := newNearest(k)
	for t := prefix; t < a.shape[0]; t++ {
		x := a.v[t*d : (t+1)*d]
		near.reset()
		for i, b := range bank {
			near.offer(i, kernel.Dot(b, x))
		}
		c, dx, _ := cosine(x, bank[near.index[k-1]], want)
		sum += 1 - c
		if want {
			addScaled(grad[t*d:(t+1)*d], -1/n, dx)
		}
	}
	return sum / n, [][][]float64{{grad}}
}

// nearest keeps the k largest products offered, largest first, of equal ones the first.
type nearest struct {
	index []int
	dot   []float64
}

func newNearest(k int) *nearest { return &nearest{make([]int, k), make([]float64, k)} }

func (n *nearest) reset() {
	for i := range n.dot {
		n.index[i], n.dot[i] = 0, math.Inf(-1)
	}
}

func (n *nearest) offer(index int, dot float64) {
	i := len(n.dot) - 1
	if !(dot > n.dot[i]) {
		return
	}
	for ; i > 0 && dot > n.dot[i-1]; i-- {
		n.index[i], n.dot[i] = n.index[i-1], n.dot[i-1]
	}
	n.index[i], n.dot[i] = index, dot
}
