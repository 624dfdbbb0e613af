package attack

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// Attention raises the attention that one patch token receives: the mean over blocks, heads and queries of
// its column of the attention matrix, the attention-aware part of Patch-Fool (Fu et al., arXiv
// 2203.08392).
type Attention struct {
	Token  int    // patch number, row by row
	Blocks string // "all" (default), "last", or numbers joined by +
}

var _ = objectives.add("attention", "attention received by one patch token (Patch-Fool, arXiv 2203.08392)", func(a *Args) Objective {
	return Attention{a.Int("token", 0, 0), a.Text("blocks", "all")}
})

func (o Attention) String() string {
	return expr("attention", "token", o.Token, "blocks", or(o.Blocks, "all"))
}

// Bind implements Objective.
func (o Attention) Bind(spec encoder.Spec, _ *Task, _ int) (Loss, error) {
	if spec.Heads < 1 || spec.Depth < 1 {
		return nil, fmt.Errorf("attack: %s: %s has no attention", o, spec.Name)
	}
	if n := spec.Tokens - spec.Prefix(); o.Token >= n {
		return nil, fmt.Errorf("attack: %s: %s has %d patches", o, spec.Name, n)
	}
	blocks, err := blockList(or(o.Blocks, "all"), spec)
	l := &attentionLoss{heads: spec.Heads, token: o.Token + spec.Prefix()}
	for _, b := range blocks {
		l.taps = append(l.taps, encoder.Queries(b), encoder.Keys(b))
	}
	return l, err
}

type attentionLoss struct {
	heads, token int
	taps         []encoder.Tap
	p            []float64
}

func (l *attentionLoss) Taps() (adv, ref []encoder.Tap)  { return l.taps, nil }
func (l *attentionLoss) Reference([]*tensor.Dense) error { return nil }

func (l *attentionLoss) Eval(adv, cot []*tensor.Dense) (float64, error) {
	total := 0.0
	for b := 0; b < len(adv); b += 2 {
		s := adv[b].Shape()
		if len(s) != 3 || s[2]%l.heads != 0 || !s.Eq(adv[b+1].Shape()) || l.token >= s[1] {
			return 0, fmt.Errorf("attack: queries %v and keys %v do not fit %d heads", s, adv[b+1].Shape(), l.heads)
		}
		var gq, gk []float32
		if cot != nil {
			gq, gk = floats(cot[b]), floats(cot[b+1])
			zero(gq)
			zero(gk)
		}
		total += l.block(floats(adv[b]), floats(adv[b+1]), gq, gk, s[1], s[2], len(adv)/2)
	}
	return total, nil
}

// block adds up the token's column in one block, and its gradient at queries and keys.
func (l *attentionLoss) block(q, k, gq, gk []float32, tokens, width, blocks int) float64 {
	dh := width / l.heads
	scale, share := 1/math.Sqrt(float64(dh)), 1/float64(blocks*l.heads*tokens)
	if len(l.p) != tokens {
		l.p = make([]float64, tokens)
	}
	sum := 0.0
	for h := range l.heads {
		for i := range tokens {
			a := q[i*width+h*dh:][:dh]
			attend(l.p, a, k, scale, width, h*dh)
			received := l.p[l.token]
			sum += share * received
			if gq == nil {
				continue
			}
			ga := gq[i*width+h*dh:][:dh]
			for t, p := range l.p {
				ds := -p * received
				if t == l.token {
					ds += p
				}
				ds *= share * scale
				b, gb := k[t*width+h*dh:][:dh], gk[t*width+h*dh:][:dh]
				for c := range dh {
					ga[c] += float32(ds * float64(b[c]))
					gb[c] += float32(ds * float64(a[c]))
				}
			}
		}
	}
	return sum
}

// attend sets p to softmax(scale·k·a) over the keys, which begin at an offset of every row.
func attend(p []float64, a, k []float32, scale float64, width, offset int) {
	top := math.Inf(-1)
	for t := range p {
		dot := 0.0
		for c, x := range k[t*width+offset:][:len(a)] {
			dot += float64(a[c]) * float64(x)
		}
		p[t] = scale * dot
		top = max(top, p[t])
	}
	sum := 0.0
	for t := range p {
		p[t] = math.Exp(p[t] - top)
		sum += p[t]
	}
	for t := range p {
		p[t] /= sum
	}
}
