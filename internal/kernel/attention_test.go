package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// attnCase is one attention with its operands. Heads lie side by side or one after another.
type attnCase struct {
	AttnShape
	q, k, v, do, o, dq, dk, dv AttnView
	lse                        []float32
	kept                       []float32 // nil to compute the probabilities again
}

// attnMake fills a shape with random operands; apart lays the heads out one after another.
func attnMake(s AttnShape, seed uint64, apart bool) *attnCase {
	c := &attnCase{AttnShape: s, lse: make([]float32, s.Heads*s.Tq)}
	kv := s.Heads / s.group()
	view := func(heads, tokens, features int) AttnView {
		seed++
		v := AttnView{Data: gemmRandom(seed, heads*tokens*features), Head: features, Row: heads * features}
		if apart {
			v.Head, v.Row = tokens*features, features
		}
		return v
	}
	c.q, c.k, c.v, c.do = view(s.Heads, s.Tq, s.D), view(kv, s.Tk, s.D), view(kv, s.Tk, s.Dv), view(s.Heads, s.Tq, s.Dv)
	c.o, c.dq, c.dk, c.dv = view(s.Heads, s.Tq, s.Dv), view(s.Heads, s.Tq, s.D), view(kv, s.Tk, s.D), view(kv, s.Tk, s.Dv)
	return c
}

// run computes output and gradients of the heads h0 to h1.
func (c *attnCase) run(h0, h1 int) {
	Attention(c.o, c.q, c.k, c.v, c.lse, c.kept, &c.AttnShape, h0, h1, make([]float32, AttentionScratch(&c.AttnShape)))
	AttentionGrad(c.dq, c.dk, c.dv, c.do, c.q, c.k, c.v, c.o, c.lse, c.kept, &c.AttnShape, h0, h1, make([]float32, AttentionGradScratch(&c.AttnShape)))
}

// both checks all heads with the probabilities computed again in the backward pass, and with them kept.
func (c *attnCase) both(t testing.TB) {
	t.Helper()
	c.kept = nil
	c.run(0, c.Heads)
	c.check(t)
	o := append([]float32(nil), c.o.Data...)
	c.kept = make([]float32, attnKeptLen(&c.AttnShape))
	c.run(0, c.Heads)
	c.check(t)
	sameBits(t, "output", c.o.Data, o)
}

// attnHead returns head h of a view, contiguous and in float64.
func attnHead(v AttnView, h, tokens, features int) []float64 {
	var out []float64
	for t := range tokens {
		out = append(out, gemmWide(v.head(h, t)[:features])...)
	}
	return out
}

// maskOf returns the mask of head h in float64, or nil.
func (c *attnCase) maskOf(h int) []float64 {
	if c.Mask == nil {
		return nil
	}
	return gemmWide(c.Mask[h*c.MaskHead:][:c.Tq*c.Tk])
}

// check compares every head with the reference; the tolerances are relative to the largest
// element, or to 1 where the operands of order 1 cancel.
func (c *attnCase) check(t testing.TB) {
	t.Helper()
	groups := c.Heads / c.group()
	for g := range groups {
		k, v := attnHead(c.k, g, c.Tk, c.D), attnHead(c.v, g, c.Tk, c.Dv)
		dk, dv := make([]float64, len(k)), make([]float64, len(v))
		for h := g * c.group(); h < (g+1)*c.group(); h++ {
			q, do := attnHead(c.q, h, c.Tq, c.D), attnHead(c.do, h, c.Tq, c.Dv)
			o, dq := make([]float64, c.Tq*c.Dv), make([]float64, c.Tq*c.D)
			dk1, dv1 := make([]float64, len(k)), make([]float64, len(v))
			p, lse := attnReference(o, q, k, v, c.maskOf(h), float64(c.Scale), c.Tq, c.Tk, c.D, c.Dv)
			attnReferenceGrad(dq, dk1, dv1, do, q, k, v, p, float64(c.Scale), c.Tq, c.Tk, c.D, c.Dv)
			for i := range dk {
				dk[i] += dk1[i]
			}
			for i := range dv {
				dv[i] += dv1[i]
			}
			attnClose(t, fmt.Sprintf("lse of head %d", h), gemmWide(c.lse[h*c.Tq:(h+1)*c.Tq]), lse, 1e-5)
			attnClose(t, fmt.Sprintf("o of head %d", h), attnHead(c.o, h, c.Tq, c.Dv), o, 1e-5)
			attnClose(t, fmt.Sprintf("dq of head %d", h), attnHead(c.dq, h, c.Tq, c.D), dq, 2e-5)
		}
		attnClose(t, fmt.Sprintf("dk of head %d", g), attnHead(c.dk, g, c.Tk, c.D), dk, 2e-5)
		attnClose(t, fmt.Sprintf("dv of head %d", g), attnHead(c.dv, g, c.Tk, c.Dv), dv, 2e-5)
	}
}

func attnClose(t testing.TB, what string, got, want []float64, tolerance float64) {
	t.Helper()
	top := 1.0
	for _, w := range want {
		if !math.IsInf(w, 0) && w == w {
			top = math.Max(top, math.Abs(w))
		}
	}
	for i, w := range want {
		g := got[i]
		if g == w || g != g && w != w || math.Abs(g-w) <= tolerance*top {
			continue
		}
		t.Fatalf("%s: element %d is %g, want %g (largest %g)", what, i, g, w, top)
	}
}

func TestAttentionEveryLength(t *testing.T) {
	cpuEach(t, func(t *testing.T) {
		for n := 1; n <= 70; n++ {
			d := 1 + n*7%33
			s := AttnShape{Heads: 2, Tq: n, Tk: 1 + (n*5)%70, D: d, Dv: 1 + n%19, Scale: 0.7}
			if n%3 == 0 {
				s.Mask, s.MaskHead = gemmRandom(9, 2*s.Tq*s.Tk), n%2*s.Tq*s.Tk
			}
			c := attnMake(s, uint64(n), n%2 == 0)
			c.both(t)
		}
	})
}

func TestAttentionEncoderSizes(t *testing.T) {
	cpuEach(t, func(t *testing.T) {
		for _, n := range []int{50, 65, 197, 257, 577} {
			c := attnMake(AttnShape{Heads: 1, Tq: n, Tk: n, D: 64, Dv: 64, Scale: 0.125}, 1, false)
			c.both(t)
		}
	})
}

func TestAttentionGroupedHeads(t *testing.T) {
	cpuEach(t, func(t *testing.T) {
		c := attnMake(AttnShape{Heads: 6, Tq: 90, Tk: 33, D: 16, Dv: 20, Scale: 0.25, KVGroup: 3}, 1, false)
		c.both(t)
	})
}

// TestAttentionEmpty: without keys the output is zero; without heads nothing is written.
func TestAttentionEmpty(t *testing.T) {
	cpuEach(t, func(t *testing.T) {
		c := attnMake(AttnShape{Heads: 2, Tq: 3, Tk: 0, D: 4, Dv: 5, Scale: 1}, 1, false)
		c.run(0, 0)
		if c.o.Data[0] == 0 {
			t.Error("an output was written for no heads")
		}
		c.run(0, 2)
		for _, v := range append(c.o.Data, c.dq.Data...) {
			if v != 0 {
				t.Fatal("attention without keys is not zero")
			}
		}
	})
}

// TestAttentionMasked: hidden keys have no influence, and a row without keys gives zeros throughout.
func TestAttentionMasked(t *testing.T) {
	cpuEach(t, func(t *testing.T) {
		s := AttnShape{Heads: 1, Tq: 40, Tk: 37, D: 8, Dv: 8, Scale: 0.35, Mask: make([]float32, 40*37)}
		for i := range s.Tq {
			for j := range s.Tk {
				if j > i || i == 5 {
					s.Mask[i*s.Tk+j] = float32(math.Inf(-1))
				}
			}
		}
		c := attnMake(s, 3, false)
		c.both(t)
		for i := range s.D {
			if c.o.Data[5*s.Dv+i] != 0 || c.dq.Data[5*s.D+i] != 0 {
				t.Fatal("a row without keys has an output or a gradient")
			}
		}
		if !math.IsInf(float64(c.lse[5]), -1) {
			t.Errorf("log-sum-exp of a row without keys is %g", c.lse[5])
		}
	})
}

// TestAttentionNaN: a NaN in a query spoils that query's row alone, one in a key or value every row.
func TestAttentionNaN(t *testing.T) {
	nan := float32(math.NaN())
	cpuEach(t, func(t *testing.T) {
		for which := range 3 {
			c := attnMake(AttnShape{Heads: 1, Tq: 19, Tk: 45, D: 8, Dv: 8, Scale: 0.35}, 3, false)
			[]AttnView{c.q, c.k, c.v}[which].Data[7*8+3] = nan
			c.run(0, 1)
			for i := range c.Tq {
				row := c.o.Data[i*8 : i*8+8]
				want := which == 1 || which == 0 && i == 7
				if which == 2 {
					if row[3] == row[3] || row[2] != row[2] {
						t.Fatalf("a NaN in feature 3 of a value: row %d is %v", i, row)
					}
					continue
				}
				for _, x := range row {
					if (x != x) != want {
						t.Fatalf("a NaN in operand %d: row %d is %v", which, i, row)
					}
				}
			}
		}
	})
}

func TestAttentionHeadSplit(t *testing.T) {
	cpuEach(t, func(t *testing.T) {
		s := AttnShape{Heads: 5, Tq: 67, Tk: 67, D: 24, Dv: 16, Scale: 0.2}
		whole, parts := attnMake(s, 1, false), attnMake(s, 1, false)
		whole.run(0, 5)
		parts.run(3, 5)
		parts.run(0, 1)
		parts.run(1, 3)
		for i, v := range [][2][]float32{{whole.o.Data, parts.o.Data}, {whole.dq.Data, parts.dq.Data},
			{whole.dk.Data, parts.dk.Data}, {whole.dv.Data, parts.dv.Data}, {whole.lse, parts.lse}} {
			for j := range v[0] {
				if math.Float32bits(v[0][j]) != math.Float32bits(v[1][j]) {
					t.Fatalf("result %d, element %d: %g at once, %g in parts", i, j, v[0][j], v[1][j])
				}
			}
		}
	})
}

// TestAttentionReferenceGradient holds the reference gradient against central differences in float64.
func TestAttentionReferenceGradient(t *testing.T) {
	const tq, tk, d, dv, scale = 5, 7, 4, 3, 0.6
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		return x
	}
	in := [][]float64{random(tq * d), random(tk * d), random(tk * dv)}
	do, mask, o := random(tq*dv), random(tq*tk), make([]float64, tq*dv)
	mask[3] = math.Inf(-1)
	loss := func() (sum float64, p []float64) {
		p, _ = attnReference(o, in[0], in[1], in[2], mask, scale, tq, tk, d, dv)
		for i, v := range o {
			sum += v * do[i]
		}
		return sum, p
	}
	_, p := loss()
	grads := [][]float64{make([]float64, tq*d), make([]float64, tk*d), make([]float64, tk*dv)}
	attnReferenceGrad(grads[0], grads[1], grads[2], do, in[0], in[1], in[2], p, scale, tq, tk, d, dv)
	for g, x := range in {
		for i, v := range x {
			const h = 1e-5
			x[i] = v + h
			up, _ := loss()
			x[i] = v - h
			down, _ := loss()
			x[i] = v
			if diff := (up - down) / (2 * h); math.Abs(diff-grads[g][i]) > 1e-8 {
				t.Errorf("operand %d, element %d: gradient %g, central difference %g", g, i, grads[g][i], diff)
			}
		}
	}
}

func FuzzAttention(f *testing.F) {
	f.Add(uint16(50), uint16(50), byte(64), byte(64), byte(1))
	f.Fuzz(func(t *testing.T, tq, tk uint16, d, dv, mode byte) {
		s := AttnShape{Heads: 1 + int(mode%3), Tq: 1 + int(tq%300), Tk: 1 + int(tk%300), D: 1 + int(d%80), Dv: 1 + int(dv%80), Scale: 0.3}
		if mode&16 != 0 {
			s.Mask = gemmRandom(5, s.Tq*s.Tk)
			for i := range s.Mask {
				if s.Mask[i] > 1.5 {
					s.Mask[i] = float32(math.Inf(-1))
				}
			}
		}
		cpuLoop(t, func(string) {
			c := attnMake(s, uint64(mode), mode&32 != 0)
			c.both(t)
		})
	})
}
