package kernel

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// attnBenchTokens are the sequence lengths of ViT-B/32 and B/16 at 224 pixels, L/14 at 224, B/16 at 384 and at 512.
var attnBenchTokens = []int{50, 197, 257, 577, 1025}

// BenchmarkAttention is 4·T²·D operations per head forward and 10·T²·D backward, the logits being computed again.
func BenchmarkAttention(b *testing.B) {
	for _, n := range attnBenchTokens {
		c := attnMake(AttnShape{Heads: 12, Tq: n, Tk: n, D: 64, Dv: 64, Scale: 0.125}, 1, false)
		scratch := make([]float32, max(AttentionScratch(&c.AttnShape), AttentionGradScratch(&c.AttnShape)))
		flops := float64(c.Heads) * float64(n) * float64(n) * 64
		b.Run(fmt.Sprintf("pass=forward/tokens=%d", n), func(b *testing.B) {
			benchAgainstPeak(b, 4*flops, func() {
				Attention(c.o, c.q, c.k, c.v, c.lse, c.kept, &c.AttnShape, 0, c.Heads, scratch)
			})
		})
		b.Run(fmt.Sprintf("pass=backward/tokens=%d", n), func(b *testing.B) {
			benchAgainstPeak(b, 10*flops, func() {
				AttentionGrad(c.dq, c.dk, c.dv, c.do, c.q, c.k, c.v, c.o, c.lse, c.kept, &c.AttnShape, 0, c.Heads, scratch)
			})
		})
	}
}

// BenchmarkAttentionKept is both passes of twelve layers of attention, the backward ones in reverse as in an encoder,
// by turns with the probabilities kept and computed again. It reports the median ratio of the processor times, kept
// over again, and the memory of what is kept.
func BenchmarkAttentionKept(b *testing.B) {
	const layers = 12
	for _, n := range attnBenchTokens {
		b.Run(fmt.Sprintf("tokens=%d", n), func(b *testing.B) {
			c := attnMake(AttnShape{Heads: 12, Tq: n, Tk: n, D: 64, Dv: 64, Scale: 0.125}, 1, false)
			scratch := make([]float32, max(AttentionScratch(&c.AttnShape), AttentionGradScratch(&c.AttnShape)))
			var kept [layers][]float32
			passes := func(keep bool) time.Duration {
				start := benchClock()
				for l := range layers {
					c.attend(kept[l], keep, scratch)
				}
				for l := range layers {
					c.differentiate(kept[layers-1-l], keep, scratch)
				}
				return benchClock() - start
			}
			for l := range kept {
				kept[l] = make([]float32, attnKeptLen(&c.AttnShape))
			}
			var ratios []float64
			for b.Loop() {
				again := passes(false)
				ratios = append(ratios, passes(true).Seconds()/again.Seconds())
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "kept/again")
			b.ReportMetric(float64(layers*4*len(kept[0]))/1e6, "MB")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func (c *attnCase) attend(kept []float32, keep bool, scratch []float32) {
	if !keep {
		kept = nil
	}
	Attention(c.o, c.q, c.k, c.v, c.lse, kept, &c.AttnShape, 0, c.Heads, scratch)
}

func (c *attnCase) differentiate(kept []float32, keep bool, scratch []float32) {
	if !keep {
		kept = nil
	}
	AttentionGrad(c.dq, c.dk, c.dv, c.do, c.q, c.k, c.v, c.o, c.lse, kept, &c.AttnShape, 0, c.Heads, scratch)
}
