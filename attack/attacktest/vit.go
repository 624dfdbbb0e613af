package attacktest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// ViT is a small vision transformer with random weights, computed in float64: a patch embedding with a
// class token, blocks of one-head attention and a tanh layer, both residual, and a projected class
// token as embedding. It has every tap of a real one, exact gradients, and runs at other sizes; images of
// another size than its own it samples at the nearest pixel.
type ViT struct {
	h, w, patch, d, e, gh, gw int // pos is known on a gh×gw grid
	embed, proj               mat // (3p²)×D, D×E
	cls, pos                  []float64
	blocks                    []vitBlock
}

type vitBlock struct{ q, k, v, o, up, down mat }

// NewViT returns a ViT for images of h×w pixels.
func NewViT(seed uint64, h, w, patch, width, depth, embedding int) *ViT {
	rng := rand.New(rand.NewPCG(seed, 4))
	draw := func(r, c int, gain float64) mat { return mat{r, c, fill64(rng, r*c, gain*math.Sqrt(3/float64(r)))} }
	n := &ViT{h: h, w: w, patch: patch, d: width, e: embedding, gh: h / patch, gw: w / patch}
	n.embed, n.proj = draw(3*patch*patch, width, 2), draw(width, embedding, 1)
	n.cls = fill64(rng, width, 1)
	n.pos = fill64(rng, (1+n.gh*n.gw)*width, 0.3)
	for range depth {
		n.blocks = append(n.blocks, vitBlock{draw(width, width, 1), draw(width, width, 1), draw(width, width, 1),
			draw(width, width, 0.7), draw(width, 2*width, 1), draw(2*width, width, 0.7)})
	}
	return n
}

// Spec implements encoder.Encoder.
func (n *ViT) Spec() encoder.Spec {
	gh, gw := n.h/n.patch, n.w/n.patch
	return encoder.Spec{Name: "vit", ImageSize: [2]int{n.h, n.w}, Patch: n.patch, Grid: [2]int{gh, gw}, Width: n.d,
		Depth: len(n.blocks), Heads: 1, CLS: true, Embedding: n.e, Tokens: 1 + gh*gw}
}

// AtSize implements encoder.Resizer; position embeddings are taken from the nearest grid place.
func (n *ViT) AtSize(h, w int) (encoder.Encoder, error) {
	if h < n.patch || w < n.patch {
		return nil, fmt.Errorf("attacktest: %d×%d pixels hold no patch of %d", h, w, n.patch)
	}
	m := *n
	m.h, m.w, m.gh, m.gw = h, w, h/n.patch, w/n.patch
	m.pos = append([]float64(nil), n.pos[:n.d]...)
	for y := range m.gh {
		for x := range m.gw {
			at := 1 + y*n.gh/m.gh*n.gw + x*n.gw/m.gw
			m.pos = append(m.pos, n.pos[at*n.d:][:n.d]...)
		}
	}
	return &m, nil
}

// Trace implements encoder.Encoder.
func (n *ViT) Trace(ctx context.Context, images []*tensor.Dense, taps ...encoder.Tap) (encoder.Trace, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t := &vitTrace{n: n, taps: taps}
	for _, img := range images {
		s := img.Shape()
		if len(s) != 3 || s[0] != 3 {
			return nil, fmt.Errorf("attacktest: the image is %v", s)
		}
		t.runs = append(t.runs, n.forward(img.Float32s(), s[1], s[2]))
	}
	for _, tap := range taps {
		a, err := t.gather(tap)
		if err != nil {
			return nil, err
		}
		t.acts = append(t.acts, a)
	}
	return t, nil
}

// vitRun keeps what the backward pass of one image needs.
type vitRun struct {
	h, w int // of the image
	at   map[encoder.Tap]mat
	mid  []struct{ in, q, k, v, p, a, x, u mat } // per block: input, attention parts, after attention, tanh
}

// patches gathers pixels into one row per patch.
func (n *ViT) patches(x []float32, h, w int) mat {
	p, gw := n.patch, n.w/n.patch
	m := newMat(n.h/p*gw, 3*p*p)
	n.eachPixel(h, w, func(row, col, i int) { m.v[row*m.c+col] = float64(x[i]) })
	return m
}

// eachPixel calls f with every input value's patch, place in the patch and place in an h×w image.
func (n *ViT) eachPixel(h, w int, f func(row, col, i int)) {
	p, gh, gw := n.patch, n.h/n.patch, n.w/n.patch
	for c := range 3 {
		for y := range gh * p {
			for x := range gw * p {
				f(y/p*gw+x/p, (c*p+y%p)*p+x%p, (c*h+y*h/n.h)*w+x*w/n.w)
			}
		}
	}
}

func (n *ViT) forward(pixels []float32, h, w int) *vitRun {
	r := &vitRun{h: h, w: w, at: map[encoder.Tap]mat{}}
	e := mul(n.patches(pixels, h, w), n.embed)
	x := mat{e.r + 1, n.d, append(append([]float64(nil), n.cls...), e.v...)}
	for i := range x.v {
		x.v[i] += n.pos[i]
	}
	r.at[encoder.Stem] = x
	scale := 1 / math.Sqrt(float64(n.d))
	for i, b := range n.blocks {
		m := struct{ in, q, k, v, p, a, x, u mat }{in: x, q: mul(x, b.q), k: mul(x, b.k), v: mul(x, b.v)}
		m.p = softmaxRows(mulT(m.q, m.k), scale)
		m.a = mul(mul(m.p, m.v), b.o)
		m.x = add(x, m.a)
		m.u = mul(m.x, b.up)
		for j := range m.u.v {
			m.u.v[j] = math.Tanh(m.u.v[j])
		}
		x = add(m.x, mul(m.u, b.down))
		r.mid = append(r.mid, m)
		r.at[encoder.Block(i)] = x
		r.at[encoder.Queries(i)], r.at[encoder.Keys(i)], r.at[encoder.Values(i)], r.at[encoder.AttentionOut(i)] = m.q, m.k, m.v, m.a
	}
	r.at[encoder.Tokens] = x
	r.at[encoder.Embedding] = mul(mat{1, n.d, x.v[:n.d]}, n.proj)
	return r
}

type vitTrace struct {
	n    *ViT
	taps []encoder.Tap
	runs []*vitRun
	acts []*tensor.Dense
}

// gather returns the activations at a tap as one tensor.
func (t *vitTrace) gather(tap encoder.Tap) (*tensor.Dense, error) {
	var data []float32
	var shape []int
	for _, r := range t.runs {
		m, ok := r.at[tap]
		if !ok {
			return nil, fmt.Errorf("attacktest: vit has no tap %s", tap)
		}
		shape = []int{len(t.runs), m.r, m.c}
		for _, v := range m.v {
			data = append(data, float32(v))
		}
	}
	if tap == encoder.Embedding {
		shape = []int{len(t.runs), t.n.e}
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data)), nil
}

func (t *vitTrace) Activation(i int) *tensor.Dense { return t.acts[i] }
func (t *vitTrace) Close()                         {}

func (t *vitTrace) VJP(ctx context.Context, cotangents []*tensor.Dense) ([]*tensor.Dense, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := make([]*tensor.Dense, len(t.runs))
	for b, r := range t.runs {
		seed := map[encoder.Tap]mat{}
		for i, c := range cotangents {
			if c == nil {
				continue
			}
			m := r.at[t.taps[i]]
			g := newMat(m.r, m.c)
			for k, v := range c.Float32s()[b*len(g.v):][:len(g.v)] {
				g.v[k] = float64(v)
			}
			if old, ok := seed[t.taps[i]]; ok {
				g = add(g, old)
			}
			seed[t.taps[i]] = g
		}
		out[b] = t.n.backward(r, seed)
	}
	return out, nil
}

// backward returns the pixel gradient for cotangents at taps.
func (n *ViT) backward(r *vitRun, seed map[encoder.Tap]mat) *tensor.Dense {
	g := newMat(r.at[encoder.Stem].r, n.d)
	plus := func(g mat, tap encoder.Tap) mat {
		if s, ok := seed[tap]; ok {
			return add(g, s)
		}
		return g
	}
	if s, ok := seed[encoder.Embedding]; ok {
		copy(g.v, mulT(s, n.proj).v)
	}
	g = plus(g, encoder.Tokens)
	scale := 1 / math.Sqrt(float64(n.d))
	for i := len(n.blocks) - 1; i >= 0; i-- {
		b, m := n.blocks[i], r.mid[i]
		g = plus(g, encoder.Block(i))
		du := mulT(g, b.down)
		for j, u := range m.u.v {
			du.v[j] *= 1 - u*u
		}
		g = add(g, mulT(du, b.up))
		da := mulT(plus(g, encoder.AttentionOut(i)), b.o)
		dv := plus(tMul(m.p, da), encoder.Values(i))
		ds := softmaxBack(m.p, mulT(da, m.v), scale)
		dq := plus(mul(ds, m.k), encoder.Queries(i))
		dk := plus(tMul(ds, m.q), encoder.Keys(i))
		g = add(g, add(mulT(dq, b.q), add(mulT(dk, b.k), mulT(dv, b.v))))
	}
	g = plus(g, encoder.Stem)
	dp := mulT(mat{g.r - 1, n.d, g.v[n.d:]}, n.embed)
	out := make([]float32, 3*r.h*r.w)
	n.eachPixel(r.h, r.w, func(row, col, i int) { out[i] += float32(dp.v[row*dp.c+col]) })
	return tensor.New(tensor.WithShape(3, r.h, r.w), tensor.WithBacking(out))
}

// Broken wraps an encoder whose gradients are not finite for the images that Bad picks.
type Broken struct {
	encoder.Encoder
	Bad func(x []float32) bool
}

// Trace implements encoder.Encoder.
func (e Broken) Trace(ctx context.Context, images []*tensor.Dense, taps ...encoder.Tap) (encoder.Trace, error) {
	t, err := e.Encoder.Trace(ctx, images, taps...)
	if err == nil && e.Bad(images[0].Float32s()) {
		return brokenTrace{t}, nil
	}
	return t, err
}

type brokenTrace struct{ encoder.Trace }

func (t brokenTrace) VJP(ctx context.Context, cot []*tensor.Dense) ([]*tensor.Dense, error) {
	g, err := t.Trace.VJP(ctx, cot)
	if err == nil {
		g[0].Float32s()[0] = float32(math.NaN())
	}
	return g, err
}
