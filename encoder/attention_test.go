package encoder

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"gorgonia.org/tensor"
)

// TestAttentionTaps rebuilds each block's attention from its taps q, k and v in float64.
func TestAttentionTaps(t *testing.T) {
	root := sharedGoldens(t)
	for _, m := range goldens(t, root) {
		t.Run(m.ID, func(t *testing.T) {
			enc, err := Open(filepath.Join(root, m.File))
			if err != nil {
				t.Fatal(err)
			}
			if enc.Spec().Heads == 0 {
				return
			}
			g := golden{t: t, enc: enc.Raw(), dir: filepath.Join(root, m.Golden), model: m}
			for i := range enc.Spec().Depth {
				taps := []Tap{Queries(i), Keys(i), Values(i), AttentionOut(i)}
				a, err := Activations(context.Background(), g.enc, g.images("b1"), taps...)
				if err != nil {
					t.Fatal(err)
				}
				if r := attentionError(a, enc.Spec().Heads); r > 1e-4 {
					t.Errorf("block %d: attention from its taps differs by %.2g", i, r)
				}
			}
		})
	}
}

// attentionError compares softmax(q·kᵀ/√d)·v with the attention's own output; of q, which may already
// have been scaled by 1/√d or have its own factor, the best of both.
func attentionError(a []*tensor.Dense, heads int) float64 {
	best := math.Inf(1)
	d := a[0].Shape()[2] / heads
	for _, scale := range []float64{1, 1 / math.Sqrt(float64(d))} {
		best = min(best, attentionErrorAt(a, heads, scale))
	}
	return best
}

func attentionErrorAt(a []*tensor.Dense, heads int, scale float64) float64 {
	q, k, v, y := a[0].Float32s(), a[1].Float32s(), a[2].Float32s(), a[3].Float32s()
	t, w := a[0].Shape()[1], a[0].Shape()[2]
	d := w / heads
	var diff, norm float64
	for h := range heads {
		for i := range t {
			p, sum := make([]float64, t), 0.0
			for j := range t {
				for e := range d {
					p[j] += float64(q[i*w+h*d+e]) * float64(k[j*w+h*d+e]) * scale
				}
				p[j] = math.Exp(p[j])
				sum += p[j]
			}
			for e := range d {
				z := 0.0
				for j := range t {
					z += p[j] / sum * float64(v[j*w+h*d+e])
				}
				diff += sq(z - float64(y[i*w+h*d+e]))
				norm += sq(z)
			}
		}
	}
	return math.Sqrt(diff / norm)
}
