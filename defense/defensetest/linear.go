// Package defensetest holds a small encoder with exact gradients and the suite that every defence must pass.
package defensetest

import (
	"context"
	"fmt"
	"math/rand/v2"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

const (
	side  = 8  // network input
	patch = 4  // patch side
	width = 6  // token width
	embed = 12 // embedding width
	grid  = side / patch
)

// Linear is an encoder whose taps are linear in the picture: resize to 8×8, four patches of 4×4 times one matrix for
// Tokens (B×4×6), the whole input times another for Embedding (B×12). It takes pictures of any size.
type Linear struct {
	token [width][3 * patch * patch]float32
	embed [embed][3 * side * side]float32
}

// NewLinear returns an encoder with weights drawn from seed.
func NewLinear(seed uint64) *Linear {
	rng := rand.New(rand.NewPCG(seed, 77))
	e := new(Linear)
	for i := range e.token {
		for k := range e.token[i] {
			e.token[i][k] = float32(rng.NormFloat64() / 7)
		}
	}
	for i := range e.embed {
		for k := range e.embed[i] {
			e.embed[i][k] = float32(rng.NormFloat64() / 14)
		}
	}
	return e
}

// Spec implements [encoder.Encoder].
func (e *Linear) Spec() encoder.Spec {
	return encoder.Spec{Name: "linear", ImageSize: [2]int{side, side}, Patch: patch, Grid: [2]int{grid, grid}, Width: width,
		Depth: 1, Embedding: embed, Tokens: grid * grid, Preproc: preprocess}
}

var preprocess = encoder.Preprocess{Resize: [2]int{side, side}, Filter: encoder.Bilinear,
	Mean: [3]float64{0.5, 0.5, 0.5}, Std: [3]float64{0.5, 0.5, 0.5}, Source: "test"}

// Trace implements [encoder.Encoder]; other taps than the two are an error.
func (e *Linear) Trace(ctx context.Context, images []*tensor.Dense, taps ...encoder.Tap) (encoder.Trace, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t := &linearTrace{e: e, taps: taps}
	var inputs [][]float32
	for i, img := range images {
		s := img.Shape()
		if len(s) != 3 || s[0] != 3 {
			return nil, fmt.Errorf("image %d has shape %v", i, s)
		}
		pl, err := preprocess.Plan(s[1], s[2])
		if err != nil {
			return nil, err
		}
		x := make([]float32, 3*side*side)
		pl.Apply(x, img.Data().([]float32), make([]float32, pl.Scratch()))
		t.plans, inputs = append(t.plans, pl), append(inputs, x)
	}
	for _, tap := range taps {
		switch tap {
		case encoder.Embedding:
			t.acts = append(t.acts, e.embedding(inputs))
		case encoder.Tokens:
			t.acts = append(t.acts, e.tokens(inputs))
		default:
			return nil, fmt.Errorf("no tap %q", tap)
		}
	}
	return t, nil
}

func (e *Linear) embedding(inputs [][]float32) *tensor.Dense {
	var out []float32
	for _, x := range inputs {
		for i := range e.embed {
			v := 0.0
			for k, w := range e.embed[i] {
				v += float64(w) * float64(x[k])
			}
			out = append(out, float32(v))
		}
	}
	return tensor.New(tensor.WithShape(len(inputs), embed), tensor.WithBacking(out))
}

func (e *Linear) tokens(inputs [][]float32) *tensor.Dense {
	var out []float32
	for _, x := range inputs {
		for t := range grid * grid {
			for i := range e.token {
				v := 0.0
				for k, w := range e.token[i] {
					v += float64(w) * float64(x[sample(t, k)])
				}
				out = append(out, float32(v))
			}
		}
	}
	return tensor.New(tensor.WithShape(len(inputs), grid*grid, width), tensor.WithBacking(out))
}

// sample is the network input's sample k of patch t.
func sample(t, k int) int {
	c, y, x := k/(patch*patch), k/patch%patch, k%patch
	return (c*side+t/grid*patch+y)*side + t%grid*patch + x
}

type linearTrace struct {
	e     *Linear
	taps  []encoder.Tap
	plans []*encoder.Plan
	acts  []*tensor.Dense
}

func (t *linearTrace) Activation(i int) *tensor.Dense { return t.acts[i] }
func (t *linearTrace) Close()                         {}

func (t *linearTrace) VJP(ctx context.Context, cotangents []*tensor.Dense) ([]*tensor.Dense, error) {
	if len(cotangents) != len(t.taps) {
		return nil, fmt.Errorf("%d cotangents for %d taps", len(cotangents), len(t.taps))
	}
	out := make([]*tensor.Dense, len(t.plans))
	for b, pl := range t.plans {
		g := make([]float32, 3*side*side)
		for i, tap := range t.taps {
			if cotangents[i] == nil {
				continue
			}
			c := cotangents[i].Data().([]float32)
			row := len(c) / len(t.plans)
			t.e.back(g, tap, c[b*row:(b+1)*row])
		}
		h, w := pl.InSize()
		dsrc := make([]float32, 3*h*w)
		pl.Adjoint(dsrc, g, make([]float32, pl.Scratch()))
		out[b] = tensor.New(tensor.WithShape(3, h, w), tensor.WithBacking(dsrc))
	}
	return out, nil
}

func (e *Linear) back(g []float32, tap encoder.Tap, c []float32) {
	if tap == encoder.Embedding {
		for i, v := range c {
			for k, w := range e.embed[i] {
				g[k] += v * w
			}
		}
		return
	}
	for j, v := range c {
		for k, w := range e.token[j%width] {
			g[sample(j/width, k)] += v * w
		}
	}
}
